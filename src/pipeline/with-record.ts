import type { UploadRecord } from "../contracts/upload.js";

/**
 * What adapters read as `media.upload`. One accessor for all of them: V8 (Node 20) makes a hidden class for every accessor, which
 * keeps what hangs on it until the next full collection.
 */
export class WithRecord<U extends UploadRecord> {
  static readonly #property = {
    enumerable: true,
    get(this: WithRecord<UploadRecord>): UploadRecord {
      return this.#record();
    },
  };
  readonly #record: () => U;
  declare readonly upload: U;

  constructor(record: () => U) {
    this.#record = record;
    Object.defineProperty(this, "upload", WithRecord.#property);
  }
}
