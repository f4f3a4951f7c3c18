import type { UploadRecord } from "../contracts/upload.js";
import type { BatchEvents } from "./batch-events.js";
import type { Gate } from "./gate.js";

/** Emits `batch:paused` and `batch:resumed` in turn, whatever the reasons do. */
export class PauseEvents<U extends UploadRecord> {
  #isPaused = false;

  constructor(
    private readonly events: BatchEvents<U>,
    private readonly gate: Gate,
  ) {}

  tell(): void {
    const { reason } = this.gate;
    if ((reason !== null) === this.#isPaused) return;
    this.#isPaused = reason !== null;
    if (reason !== null) this.events.emit("batch:paused", reason);
    else this.events.emit("batch:resumed", {});
  }

  /** A run that ends is not paused any more. */
  end(): void {
    if (this.#isPaused) this.events.emit("batch:resumed", {});
    this.#isPaused = false;
  }
}
