import type { UploadRecord } from "../contracts/upload.js";
import type { Settings } from "../pipeline/settings.js";
import { tellBreaker } from "../pipeline/sharing.js";

/** Emits the events of the breaker while anything is at work: not for ever, because the runtime may live longer. */
export class BreakerEvents<U extends UploadRecord> {
  #atWork = 0;
  #untell: (() => void) | undefined;

  constructor(private readonly settings: Settings<U>) {}

  begin(): void {
    if (this.#atWork++ === 0) this.#untell = tellBreaker(this.settings);
  }

  end(): void {
    if (--this.#atWork === 0) this.#untell?.();
  }
}
