import type { BatchRepositoryAdapter } from "../contracts/repository.js";
import type { BatchRecord, BatchStatus, UploadRecord, UploadStatus } from "../contracts/upload.js";
import type { Settings } from "../options.js";
import { answered, storeRetried } from "../pipeline/repository-calls.js";
import { NEVER } from "../pipeline/time.js";
import type { BatchRun } from "./batch-run.js";
import { OPEN_STATUSES, sum, type Tally, type UploadCounts } from "./tally.js";

/** Records a page: what is remembered of a batch at one time. */
export const PAGE = 100;

/** A call to the repository about a batch, with short retries. @throws RepositoryError */
export function stored<T>(what: string, call: () => Promise<T>): Promise<T> {
  return storeRetried(what, NEVER, async () => answered(call()));
}

/** One batch as the repository has it. */
export class StoredBatch<U extends UploadRecord> {
  constructor(
    readonly id: string,
    private readonly repository: BatchRepositoryAdapter<U>,
  ) {}

  find(): Promise<BatchRecord | null> {
    return stored(`Batch ${this.id} could not be read`, () => this.repository.findBatch(this.id));
  }

  count(): Promise<UploadCounts> {
    return stored(`The uploads of batch ${this.id} could not be counted`, () => this.repository.countUploads(this.id));
  }

  async isCancelled(): Promise<boolean> {
    const record = await this.find();
    return record === null || record.status === "cancelled";
  }

  /** @returns false when the batch was cancelled or deleted meanwhile; that another processor was faster is as good */
  async move(status: BatchStatus, from: readonly BatchStatus[]): Promise<boolean> {
    const written = await stored(`Batch ${this.id} could not be saved`, () =>
      this.repository.updateBatch(this.id, { status }, from),
    );
    return written === "saved" || !(await this.isCancelled());
  }

  /** The uploads with these statuses that are admitted, a page at a time; ends when the batch is cancelled. */
  async *uploads(
    statuses: readonly UploadStatus[],
    admit: (upload: U) => boolean,
    onCancelled: () => void,
  ): AsyncGenerator<U, void, undefined> {
    let after: U | undefined;
    for (;;) {
      if (await this.isCancelled()) return onCancelled();
      const page = { limit: PAGE, statuses, ...(after && { after }) };
      const uploads = await stored(`The uploads of batch ${this.id} could not be listed`, () =>
        this.repository.listUploads(this.id, page),
      );
      after = uploads.at(-1);
      if (after === undefined) return;
      for (const upload of uploads) if (admit(upload)) yield upload;
    }
  }
}

/** How often a run that only waits for other workers looks whether they are done, in milliseconds. */
const WATCH_BUSY_MS = 2000;

/** Notices what other processes do to the batch: a cancel, and that the uploads that were waited for are settled. */
export function watchBatch<U extends UploadRecord>(
  batch: StoredBatch<U>,
  run: BatchRun<U>,
  tally: Tally,
  onCancelled: () => void,
  { lease, logger }: Settings<U>,
): NodeJS.Timeout {
  const renewalMs = lease.durationMs / 3;
  let lookedAt = performance.now();
  let looking = false;
  const look = async () => {
    if (await batch.isCancelled()) return onCancelled();
    const counts = await batch.count();
    tally.recount(counts);
    if (sum(counts, OPEN_STATUSES) === 0) run.forgetBusy();
  };
  return setInterval(
    () => {
      const now = performance.now();
      if (looking || (now - lookedAt < renewalMs && !run.onlyBusy)) return;
      looking = true;
      lookedAt = now;
      look()
        .catch((error) => logger.warn({ batchId: batch.id, error }, "the batch could not be read"))
        .finally(() => {
          looking = false;
        });
    },
    Math.min(WATCH_BUSY_MS, renewalMs),
  );
}
