import type { ReceivedEvent } from "../../index.js";

/** So many uploads are remembered; of more, those that were not heard of for longest are forgotten. */
const MOST = 10_000;

/** Behind these nothing goes on: what is done after them begins at 0 again. */
const ENDS: readonly string[] = ["completed", "failed", "deleted"];

/**
 * How far each upload was told to be since it last settled. A worker that goes on with what another one, or an attempt before, has
 * left begins at the checkpoints, below what was estimated by then: nobody is told a step back.
 */
export class Furthest {
  readonly #byUpload = new Map<string, number>();

  of(uploadId: string): number {
    return this.#byUpload.get(uploadId) ?? 0;
  }

  /** It is settled, or gone. */
  forget(uploadId: string): void {
    this.#byUpload.delete(uploadId);
  }

  /** @returns the event as it is to be told */
  add(event: ReceivedEvent): ReceivedEvent {
    if (event.type === "upload:settled" && ENDS.includes(event.status)) this.forget(event.uploadId);
    if (event.type !== "upload:progress") return event;
    const { uploadId } = event;
    const progress = Math.max(event.progress, this.of(uploadId));
    // The order is by when they were heard of last.
    this.#byUpload.delete(uploadId);
    this.#byUpload.set(uploadId, progress);
    if (this.#byUpload.size > MOST) this.#byUpload.delete(this.#byUpload.keys().next().value ?? uploadId);
    return progress === event.progress ? event : { ...event, progress };
  }
}
