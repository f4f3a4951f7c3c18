import type { Stoppable } from "../async/cancellation.js";
import { NEVER } from "../async/time.js";
import type {
  BatchRepositoryAdapter,
  ClaimOutcome,
  ClaimRequest,
  RepositoryAdapter,
  UploadChanges,
  UploadSelection,
  WriteOutcome,
} from "../contracts/repository.js";
import type { BatchRecord, BatchStatus, RerunMode, UploadRecord, UploadStatus } from "../contracts/upload.js";
import { ConfigurationError } from "../errors.js";
import { expected } from "../validate.js";
import {
  requireBatchOutcome,
  requireClaim,
  requireCounts,
  requireFound,
  requireOutcome,
  requirePage,
} from "./repository-answers.js";
import { RepositoryCalls } from "./repository-calls.js";
import {
  type CallSite,
  READ_CLAIM,
  READ_SAVE,
  type RepositoryOutage,
  WRITE_CLAIM,
  WRITE_SAVE,
} from "./repository-outage.js";

const BATCH_MEMBERS = ["findBatch", "updateBatch", "listUploads", "countUploads", "listBatches"] as const;

/**
 * A repository whose calls have a deadline and short retries, and say what could not be done. The one place where they do:
 * everything in the library calls the user's repository through it.
 *
 * @throws RepositoryError it cannot be reached; UploadError `RESULT_REFUSED` it refuses a value, which is not tried again;
 *   ConfigurationError it answers what no repository does, or lacks a table or a column
 */
export class ReliableRepository<U extends UploadRecord> {
  readonly #calls: RepositoryCalls;

  constructor(
    readonly adapter: RepositoryAdapter<U> & Partial<BatchRepositoryAdapter<U>>,
    outage?: RepositoryOutage,
  ) {
    this.#calls = new RepositoryCalls((id) => adapter.findUpload(id), outage);
  }

  /** The same repository, for a batch that sits out its outages. */
  withOutage(outage: RepositoryOutage): ReliableRepository<U> {
    return new ReliableRepository(this.adapter, outage);
  }

  /** Whether its calls wait for it when it cannot be reached: an error of theirs is no outage then. */
  get sitsOutOutages(): boolean {
    return this.#calls.outage !== undefined;
  }

  get hasClaims(): boolean {
    return this.adapter.claimUpload !== undefined;
  }

  get hasResets(): boolean {
    return this.adapter.resetUploads !== undefined;
  }

  /** The length of the vectors that the store takes, where it tells. */
  get dimensions(): number | undefined {
    const { dimensions } = this.adapter as { readonly dimensions?: unknown };
    return typeof dimensions === "number" ? dimensions : undefined;
  }

  find(id: string, signal: Stoppable): Promise<U | null> {
    const check = (found: U | null) => requireFound("findUpload", found);
    const find = () => this.adapter.findUpload(id);
    return this.#call(`Upload ${id} could not be read`, signal, READ_CLAIM, find, undefined, check);
  }

  update(
    what: string,
    id: string,
    changes: UploadChanges,
    claim: { fence: number; leaseMs?: number | undefined } | undefined,
    signal: Stoppable,
  ): Promise<WriteOutcome> {
    // A copy for each try: an adapter may turn fields into columns in place, and would do so twice.
    const write = () => this.adapter.updateUpload(id, Object.assign({}, changes), claim);
    return this.#call(what, signal, WRITE_SAVE, write, id, requireOutcome);
  }

  /** One try: the next heartbeat is the retry. */
  updateOnce(
    id: string,
    changes: UploadChanges,
    claim: { fence: number; leaseMs?: number | undefined } | undefined,
  ): Promise<WriteOutcome> {
    const send = () => this.adapter.updateUpload(id, Object.assign({}, changes), claim);
    return this.#calls.makeOnce({ send, check: requireOutcome });
  }

  /**
   * @param request made for each try
   * @param sent gets each try: it may be answered behind an abort
   */
  claim(
    id: string,
    signal: Stoppable,
    request: () => ClaimRequest,
    sent: (answer: Promise<ClaimOutcome<U>>) => void,
  ): Promise<ClaimOutcome<U>> {
    const claim = () => {
      const answer = this.adapter.claimUpload?.(id, request()) ?? Promise.reject(new Error("no claimUpload"));
      sent(answer);
      return answer;
    };
    return this.#call(`Upload ${id} could not be claimed`, signal, WRITE_CLAIM, claim, id, requireClaim);
  }

  reset(selection: UploadSelection, how: RerunMode | "undo", redo: string, signal: Stoppable): Promise<number> {
    return this.#call("The uploads could not be reset", signal, WRITE_CLAIM, async () => {
      const changed = await this.adapter.resetUploads?.(selection, how, redo);
      if (Number.isSafeInteger(changed)) return Number(changed);
      throw expected("repository.resetUploads", "the number of rows that were changed", changed);
    });
  }

  findBatch(id: string, signal: Stoppable = NEVER): Promise<BatchRecord | null> {
    const check = (found: BatchRecord | null) => requireFound("findBatch", found);
    const find = () => this.#batches.findBatch(id);
    return this.#call(`Batch ${id} could not be read`, signal, READ_SAVE, find, undefined, check);
  }

  /** @returns false when the batch has none of the statuses `from`, or is gone */
  async moveBatch(
    id: string,
    status: BatchStatus,
    from: readonly BatchStatus[],
    signal: Stoppable = NEVER,
  ): Promise<boolean> {
    const move = () => this.#batches.updateBatch(id, { status }, from);
    const what = `Batch ${id} could not be saved`;
    return (await this.#call(what, signal, WRITE_SAVE, move, undefined, requireBatchOutcome)) === "saved";
  }

  list(selection: UploadSelection, page: { after?: U; limit: number }, signal: Stoppable): Promise<readonly U[]> {
    const check = (uploads: readonly U[]) => requirePage("listUploads", uploads, page);
    const list = () => this.#batches.listUploads(selection, page);
    return this.#call("The uploads could not be listed", signal, READ_CLAIM, list, undefined, check);
  }

  count(selection: UploadSelection, signal: Stoppable): Promise<Partial<Record<UploadStatus, number>>> {
    const count = () => this.#batches.countUploads(selection);
    return this.#call("The uploads could not be counted", signal, READ_SAVE, count, undefined, requireCounts);
  }

  listBatches(
    page: { status: BatchStatus; after?: BatchRecord; limit: number },
    signal: Stoppable,
  ): Promise<readonly BatchRecord[]> {
    const check = (batches: readonly BatchRecord[]) => requirePage("listBatches", batches, page);
    const list = () => this.#batches.listBatches(page);
    return this.#call("The batches could not be listed", signal, READ_SAVE, list, undefined, check);
  }

  /** Whether it knows batches. */
  get hasBatches(): boolean {
    return BATCH_MEMBERS.every((member) => typeof this.adapter[member] === "function");
  }

  /**
   * @param method that needs them
   * @throws ConfigurationError unless it has the members for batches
   */
  requireBatches(method: string): void {
    const members = this.adapter as unknown as Readonly<Record<string, unknown>>;
    const lacking = BATCH_MEMBERS.filter((member) => typeof members[member] !== "function");
    if (lacking.length === 0) return;
    const lacks = `adapters.repository lacks the functions ${lacking.join(", ")}`;
    throw new ConfigurationError(`${method} needs a repository with batches; ${lacks}`);
  }

  get #batches(): BatchRepositoryAdapter<U> {
    return this.adapter as BatchRepositoryAdapter<U>;
  }

  #call<T>(
    what: string,
    signal: Stoppable,
    where: CallSite,
    send: () => Promise<T>,
    uploadId?: string,
    check?: (answer: T) => void,
  ): Promise<T> {
    return this.#calls.make({ send, check, what, signal, where, uploadId });
  }
}
