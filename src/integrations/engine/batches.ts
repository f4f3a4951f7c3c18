import {
  type BatchCounts,
  type BatchRepositoryAdapter,
  ConfigurationError,
  type RepositoryAdapter,
  settleBatch,
  type UploadRecord,
} from "../../index.js";

/** A batch that its last upload has completed. */
export interface SettledBatch {
  readonly batchId: string;
  /** Its uploads by status. */
  readonly counts: BatchCounts;
}

export interface BatchListener {
  /**
   * Called when a batch has been completed: of all workers in at most one, and in none after a crash at that moment, so what must
   * not be missed looks at the batch too. The job waits for it; what it throws is told as other errors are, and changes nothing.
   */
  readonly onBatchSettled?: ((batch: SettledBatch) => unknown) | undefined;
}

const MEMBERS = ["findBatch", "updateBatch", "listUploads", "countUploads", "listBatches"] as const;

/** Completes the batches of uploads that have settled. */
export class Batches<U extends UploadRecord> {
  /** @throws ConfigurationError a listener that is no function */
  constructor(
    readonly repository: RepositoryAdapter<U>,
    private readonly onBatchSettled: BatchListener["onBatchSettled"],
    private readonly report: (thrown: unknown) => void,
  ) {
    if (onBatchSettled !== undefined && typeof onBatchSettled !== "function")
      throw new ConfigurationError(`options.onBatchSettled: expected a function, got ${typeof onBatchSettled}`);
  }

  /**
   * Completes the batch of an upload that has settled, if it was the last one; nothing where the repository knows no batches.
   *
   * @throws RepositoryError the repository cannot be reached
   */
  async settle(batchId: string | null | undefined): Promise<void> {
    const { repository } = this;
    if (batchId == null || !knowsBatches(repository)) return;
    const counts = await settleBatch(repository, batchId);
    if (counts !== null) await this.#tell({ batchId, counts });
  }

  /** The same for an upload whose job may not tell its batch: it is looked up then. */
  async settleOf(uploadId: string, batchId: string | undefined): Promise<void> {
    if (!knowsBatches(this.repository)) return;
    await this.settle(batchId ?? (await this.repository.findUpload(uploadId))?.batchId);
  }

  async #tell(batch: SettledBatch): Promise<void> {
    try {
      await this.onBatchSettled?.(batch);
    } catch (thrown) {
      this.report(thrown);
    }
  }
}

function knowsBatches<U extends UploadRecord>(
  repository: RepositoryAdapter<U>,
): repository is BatchRepositoryAdapter<U> {
  return MEMBERS.every((name) => typeof (repository as Partial<BatchRepositoryAdapter<U>>)[name] === "function");
}
