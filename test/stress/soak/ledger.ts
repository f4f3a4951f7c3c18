import type { UploadEventEmitter, UploadRecord } from "../../../src/index.js";

/** What the events told of the uploads, and how often the model was really called: counts, so that it does not grow. */
export class Ledger {
  started = 0;
  settled = 0;
  completed = 0;
  hundreds = 0;
  withoutThumbnail = 0;
  describes = 0;
  embeds = 0;
  readonly problems: string[] = [];
  /** How often each upload of the batch in work was settled. */
  #times = new Uint8Array();

  begin(size: number): void {
    this.#times = new Uint8Array(size);
  }

  listen(events: UploadEventEmitter<UploadRecord>): void {
    events.on("upload:started", () => {
      this.started++;
    });
    events.on("upload:progress", ({ progress }) => {
      if (progress === 100) this.hundreds++;
    });
    events.on("upload:settled", (result) => {
      const { uploadId } = result;
      this.settled++;
      const place = Number(uploadId.slice(uploadId.indexOf("-") + 1));
      this.#times[place] = (this.#times[place] ?? 0) + 1;
      if (result.status === "completed") {
        this.completed++;
        if (!result.upload.thumbnailKey) this.withoutThumbnail++;
      } else {
        const why = "error" in result ? result.error.message : JSON.stringify(result);
        this.problem(`${uploadId} was ${result.status}: ${why}`);
      }
    });
  }

  end(): void {
    const wrong = this.#times.reduce((count, times) => count + (times === 1 ? 0 : 1), 0);
    if (wrong > 0) this.problem(`${wrong} uploads were not settled exactly once`);
  }

  problem(what: string): void {
    if (this.problems.length < 20) this.problems.push(what);
  }
}
