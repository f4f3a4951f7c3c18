import type { Stoppable } from "../async/cancellation.js";
import { NEVER, withTimeout } from "../async/time.js";
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
import { RepositoryError } from "../errors.js";
import { RecentMap } from "../runtime/recent-map.js";
import { expected, requireMembers } from "../validate.js";
import { repositoryError } from "./repository-error.js";
import {
  type CallSite,
  READ_CLAIM,
  READ_SAVE,
  type RepositoryOutage,
  WRITE_CLAIM,
  WRITE_SAVE,
} from "./repository-outage.js";
import { retryBriefly } from "./retry.js";

/** A call that takes longer counts as failed: every wait has a limit. */
const DEADLINE_MS = 30_000;
/**
 * How many rounds of tries have to fail in a row, while others are answered, until a call is taken to fail alone. A round takes
 * four seconds, in which the repository may come back and go down again. What a wrong guess ends is one upload, or a whole run.
 */
const ROUNDS_OF_AN_UPLOAD = 2;
const ROUNDS_OF_A_RUN = 4;
/** Uploads for which calls fail although the repository can be reached. */
const MOST_REMEMBERED = 1000;

const BATCH_MEMBERS = ["findBatch", "updateBatch", "listUploads", "countUploads", "listBatches"] as const;

/**
 * A repository whose calls have a deadline and short retries, and say what could not be done. The one place where they do:
 * everything in the library calls the user's repository through it.
 *
 * @throws RepositoryError it cannot be reached; UploadError `RESULT_REFUSED` it refuses a value, which is not tried again;
 *   ConfigurationError it answers what no repository does, or lacks a table or a column
 */
export class ReliableRepository<U extends UploadRecord> {
  /** Uploads for which calls failed while others were answered. */
  readonly #failedAlone = new RecentMap<string | undefined, true>(MOST_REMEMBERED);

  constructor(
    readonly adapter: RepositoryAdapter<U> & Partial<BatchRepositoryAdapter<U>>,
    private readonly outage?: RepositoryOutage,
  ) {}

  /** The same repository, for a batch that sits out its outages. */
  withOutage(outage: RepositoryOutage): ReliableRepository<U> {
    return new ReliableRepository(this.adapter, outage);
  }

  /** Whether its calls wait for it when it cannot be reached: an error of theirs is no outage then. */
  get sitsOutOutages(): boolean {
    return this.outage !== undefined;
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
    return this.#call(`Upload ${id} could not be read`, signal, READ_CLAIM, () => this.adapter.findUpload(id));
  }

  update(
    what: string,
    id: string,
    changes: UploadChanges,
    claim: { fence: number; leaseMs?: number | undefined } | undefined,
    signal: Stoppable,
  ): Promise<WriteOutcome> {
    // A copy for each try: an adapter may turn fields into columns in place, and would do so twice.
    const write = () =>
      Promise.resolve(this.adapter.updateUpload(id, Object.assign({}, changes), claim)).then(requireOutcome);
    return this.#call(what, signal, WRITE_SAVE, write, id);
  }

  /** One try: the next heartbeat is the retry. */
  async updateOnce(
    id: string,
    changes: UploadChanges,
    claim: { fence: number; leaseMs?: number | undefined } | undefined,
  ): Promise<WriteOutcome> {
    return requireOutcome(
      await withTimeout(this.adapter.updateUpload(id, Object.assign({}, changes), claim), DEADLINE_MS, tooLate),
    );
  }

  /** @param request made for each try */
  claim(id: string, signal: Stoppable, request: () => ClaimRequest): Promise<ClaimOutcome<U>> {
    const claim = () => this.adapter.claimUpload?.(id, request()) ?? Promise.reject(new Error("no claimUpload"));
    return this.#call(`Upload ${id} could not be claimed`, signal, WRITE_CLAIM, claim, id);
  }

  reset(selection: UploadSelection, how: RerunMode | "undo", redo: string, signal: Stoppable): Promise<number> {
    return this.#call("The uploads could not be reset", signal, WRITE_CLAIM, async () => {
      const changed = await this.adapter.resetUploads?.(selection, how, redo);
      if (Number.isSafeInteger(changed)) return Number(changed);
      throw expected("repository.resetUploads", "the number of rows that were changed", changed);
    });
  }

  findBatch(id: string, signal: Stoppable = NEVER): Promise<BatchRecord | null> {
    return this.#call(`Batch ${id} could not be read`, signal, READ_SAVE, () => this.#batches.findBatch(id));
  }

  /** @returns false when the batch has none of the statuses `from`, or is gone */
  async moveBatch(
    id: string,
    status: BatchStatus,
    from: readonly BatchStatus[],
    signal: Stoppable = NEVER,
  ): Promise<boolean> {
    const written = await this.#call(`Batch ${id} could not be saved`, signal, WRITE_SAVE, () =>
      this.#batches.updateBatch(id, { status }, from),
    );
    return written === "saved";
  }

  list(selection: UploadSelection, page: { after?: U; limit: number }, signal: Stoppable): Promise<readonly U[]> {
    return this.#call("The uploads could not be listed", signal, READ_CLAIM, () =>
      this.#batches.listUploads(selection, page),
    );
  }

  count(selection: UploadSelection, signal: Stoppable): Promise<Partial<Record<UploadStatus, number>>> {
    return this.#call("The uploads could not be counted", signal, READ_SAVE, () =>
      this.#batches.countUploads(selection),
    );
  }

  listBatches(
    page: { status: BatchStatus; after?: BatchRecord; limit: number },
    signal: Stoppable,
  ): Promise<readonly BatchRecord[]> {
    return this.#call("The batches could not be listed", signal, READ_SAVE, () => this.#batches.listBatches(page));
  }

  /** Whether it knows batches. */
  get hasBatches(): boolean {
    return BATCH_MEMBERS.every((member) => typeof this.adapter[member] === "function");
  }

  /** @throws ConfigurationError unless it has the members for batches */
  requireBatches(): void {
    requireMembers("adapters.repository", this.adapter, BATCH_MEMBERS);
  }

  get #batches(): BatchRepositoryAdapter<U> {
    return this.adapter as BatchRepositoryAdapter<U>;
  }

  #call<T>(what: string, signal: Stoppable, where: CallSite, call: () => Promise<T>, uploadId?: string): Promise<T> {
    // Almost every first try is answered: nothing of what a failure needs is made before there is one.
    let answering: Promise<T>;
    try {
      answering = withTimeout(call(), DEADLINE_MS, tooLate);
    } catch (thrown) {
      answering = Promise.reject(thrown);
    }
    return answering.then(
      (answer) => {
        this.outage?.over(where.kind);
        return answer;
      },
      (thrown) => this.#callAgain(thrown, what, signal, where, call, uploadId),
    );
  }

  /** The first try has failed: further ones, and where it is an outage, until that is over. */
  async #callAgain<T>(
    first: unknown,
    what: string,
    signal: Stoppable,
    { stage, kind }: CallSite,
    call: () => Promise<T>,
    uploadId: string | undefined,
  ): Promise<T> {
    const { outage } = this;
    /** How many calls had been answered when this one first failed: at all, and in this round of tries. */
    const answeredBefore = outage?.answered(kind);
    let answeredInRound: number | undefined;
    let isFirst = true;
    const inTime = async () => {
      try {
        if (isFirst) throw first;
        return await withTimeout(call(), DEADLINE_MS, tooLate);
      } catch (error) {
        isFirst = false;
        answeredInRound ??= outage?.answered(kind);
        throw error;
      }
    };
    let hasWaited = false;
    let roundsAlone = 0;
    try {
      for (let rounds = 1; ; rounds++) {
        answeredInRound = undefined;
        try {
          const answer = await retryBriefly(inTime, signal);
          outage?.over(kind);
          return answer;
        } catch (thrown) {
          const error = repositoryError(thrown, what, stage);
          if (outage === undefined || !(error instanceof RepositoryError)) throw error;
          const isAlone =
            uploadId === undefined
              ? outage.answered(kind) > (answeredInRound ?? 0)
              : (outage.answered(kind) > (answeredBefore ?? 0) || this.#failedAlone.get(uploadId) === true) &&
                (await this.#isAnswered(uploadId));
          roundsAlone = isAlone ? roundsAlone + 1 : 0;
          // No outage but this call: rounds of tries have failed in a row, in each of which others were answered.
          if (roundsAlone >= (uploadId === undefined ? ROUNDS_OF_A_RUN : ROUNDS_OF_AN_UPLOAD)) {
            if (uploadId !== undefined) this.#failedAlone.set(uploadId, true);
            outage.over(kind);
            throw error;
          }
          if (!hasWaited) outage.joined();
          hasWaited = true;
          if (!(await outage.wait(error, kind, rounds, signal))) throw error;
        }
      }
    } finally {
      if (hasWaited) outage?.left();
    }
  }

  async #isAnswered(uploadId: string): Promise<boolean> {
    try {
      await withTimeout(this.adapter.findUpload(uploadId), DEADLINE_MS, tooLate);
      return true;
    } catch {
      return false;
    }
  }
}

const tooLate = () => new Error(`the repository did not answer within ${DEADLINE_MS} ms`);

function requireOutcome(outcome: WriteOutcome): WriteOutcome {
  if (outcome === "saved" || outcome === "deleted" || outcome === "stale" || outcome === "cancelled") return outcome;
  throw expected("repository.updateUpload", 'the answer "saved", "deleted", "stale" or "cancelled"', outcome);
}
