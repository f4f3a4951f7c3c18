import { type MemoryRepository, memoryRepository } from "../../src/adapters/memory.js";
import type { BatchProcessor, BatchProgressEvent, UploadRecord } from "../../src/index.js";

type Counts = Readonly<Record<string, number>>;
type Told = Pick<BatchProgressEvent, "total" | "processed" | "completed" | "failed" | "percentage">;

/** A repository that keeps accounts: how many uploads of the batch there were by status after each change. */
export class CountedStore {
  readonly repository: MemoryRepository<UploadRecord>;
  readonly #stored: MemoryRepository<UploadRecord>;
  /** The counts as they were, the latest last. */
  readonly #history: string[] = [];

  constructor(uploads: readonly UploadRecord[]) {
    const stored = memoryRepository<UploadRecord>({ uploads, batches: [{ id: "batch", status: "pending" }] });
    this.#stored = stored;
    const noting =
      <Args extends readonly unknown[], Answer>(change: (...args: Args) => Promise<Answer>) =>
      async (...args: Args): Promise<Answer> => {
        // In memory a change is made before the promise of it is handed out, and so is the reading behind it.
        const changing = change(...args);
        await Promise.all([changing, this.note()]);
        return changing;
      };
    this.repository = {
      ...stored,
      updateUpload: noting(stored.updateUpload),
      claimUpload: noting(stored.claimUpload),
      resetUploads: noting(stored.resetUploads),
      addUploads: noting(stored.addUploads),
      deleteUpload: noting(stored.deleteUpload),
    };
  }

  async note(): Promise<void> {
    this.#history.push(textOf(await this.counts()));
  }

  /** Counted here, and not by the repository that is under test. */
  async counts(): Promise<Counts> {
    const uploads = await this.#stored.listUploads({ batchId: "batch" }, { limit: 100_000 });
    const counts: Record<string, number> = {};
    for (const { status } of uploads) counts[status] = (counts[status] ?? 0) + 1;
    return counts;
  }

  /**
   * Holds every `batch:progress` against the store: what it tells has to have been true at some moment since the event before.
   *
   * @returns the events, and what was wrong with them
   */
  watch(processor: BatchProcessor<UploadRecord>): { readonly events: Told[]; readonly problems: string[] } {
    const events: Told[] = [];
    const problems: string[] = [];
    let since = Math.max(0, this.#history.length - 1);
    processor.on("batch:progress", ({ total, processed, completed, failed, percentage }) => {
      events.push({ total, processed, completed, failed, percentage });
      const told = JSON.stringify({ total, completed, failed });
      const at = this.#history.indexOf(told, since);
      if (at < 0) problems.push(`event ${events.length}: ${told}, and the store: ${this.#history.slice(since).join()}`);
      else since = at;
      if (processed !== completed + failed) problems.push(`event ${events.length}: ${processed} processed`);
      const part = total === 0 ? 100 : Math.floor((1000 * processed) / (total ?? 0)) / 10;
      if (percentage !== part) problems.push(`event ${events.length}: ${percentage} % instead of ${part}`);
    });
    return { events, problems };
  }
}

function textOf(counts: Counts): string {
  const total = Object.values(counts).reduce((sum, count) => sum + count, 0);
  const { completed = 0, failed = 0 } = counts;
  return JSON.stringify({ total, completed, failed });
}
