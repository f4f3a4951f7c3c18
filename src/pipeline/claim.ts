import type { Cancellation, Stoppable } from "../async/cancellation.js";
import { LazyTimer } from "../async/lazy-timer.js";
import { Interrupted, NEVER } from "../async/time.js";
import type { UploadChanges, WriteOutcome } from "../contracts/repository.js";
import type { UploadDraft, UploadRecord, UploadStatus } from "../contracts/upload.js";
import { RepositoryError, UploadError } from "../errors.js";
import { derivedKeys } from "../records.js";
import { asColumns, redone } from "./claim-changes.js";
import { batchCancelled, ClaimLost, type Settlement } from "./claim-lost.js";
import { reasonsOf } from "./failure-reasons.js";
import { keptResults } from "./kept-results.js";
import { addResults, isEmpty, partsOf, type Results, resultsOf, withChanges } from "./results.js";
import type { Settings } from "./settings.js";

/** `undefined` for what is no number: NaN would be in quarantine for ever, and a text grow by a digit at each start. */
export function startsOf({ starts }: UploadRecord): number | undefined {
  return starts != null && Number.isSafeInteger(Number(starts)) ? Number(starts) : undefined;
}

/** How often a lease is renewed before a paid call, when each answer takes longer than a sixth of it. */
export const MOST_RENEWALS = 3;

/**
 * The hold on one upload: every write of its work goes through here, fenced, one at a time. Results go to the row, or to its
 * draft where it is being done again. What could not be written yet is kept and goes along with the next write.
 */
export class Claim<U extends UploadRecord> {
  readonly starts: number;
  /** As it was claimed; `null` when the upload is not being done again. */
  readonly draft: UploadDraft | null;
  /** What the stages have made, in this claim or in an earlier one of the same work. */
  readonly made: Results;
  /** What a redo takes from the row as it is. */
  readonly kept: Results;
  #row: U;
  #unsaved: Results = {};
  /** When the last write was sent that the repository has acknowledged: the lease runs at least from there. */
  #confirmedAt: number;
  /** The write that is under way. */
  #writing: Promise<unknown> | undefined;
  #lost: ClaimLost | undefined;
  #handedBack = false;
  readonly #heartbeat: LazyTimer;

  constructor(
    claimed: U,
    private readonly fence: number | undefined,
    private readonly settings: Settings<U>,
    private readonly cancellation: Cancellation,
    claimedAt: number,
    private readonly letGo: () => void = () => {},
  ) {
    this.#row = Object.assign({}, claimed); // a repository in memory may go on changing its own
    this.starts = startsOf(claimed) ?? 1;
    this.draft = claimed.draft ?? null;
    this.made = resultsOf(this.draft ?? claimed);
    this.kept = this.draft === null ? {} : keptResults(claimed, this.draft, settings);
    this.#confirmedAt = claimedAt;
    this.#heartbeat = new LazyTimer(() => setInterval(() => this.#beat(), settings.lease.durationMs / 3));
  }

  /** The row as the last acknowledged write has left it. */
  get row(): U {
    return this.#row;
  }

  get thumbnailKey(): string | undefined {
    return this.made.thumbnailKey ?? this.kept.thumbnailKey;
  }

  get description(): string | undefined {
    return this.made.description ?? this.kept.description;
  }

  get embedding(): readonly number[] | undefined {
    return this.made.embedding ?? this.kept.embedding;
  }

  /** What a stage of the user's has answered. */
  resultOf(stage: string): unknown {
    return this.made.metadata?.[stage] ?? this.kept.metadata?.[stage];
  }

  /** The stamp of the models that made description and embedding. */
  get aiVersion(): string | null {
    return this.made.aiVersion ?? (this.kept.description === undefined ? null : (this.#row.aiVersion ?? null));
  }

  /** The record as adapters see it: the row, and over it everything that was made. */
  get view(): U {
    const { made } = this;
    const view = Object.assign({}, this.#row, made);
    if (made.metadata !== undefined) view.metadata = Object.assign({}, this.#row.metadata, made.metadata);
    return view;
  }

  /** A finished result that may wait for the next write. */
  keep(results: Results): void {
    addResults(this.made, results);
    addResults(this.#unsaved, results);
  }

  /**
   * Stores what was kept: a checkpoint. When the repository cannot be reached, it goes with the next write, and the work goes on.
   *
   * @returns whether it is stored
   * @throws UploadError `RESULT_REFUSED`
   * @throws Interrupted when the claim is lost, or the work aborted
   */
  async save(status: UploadStatus): Promise<boolean> {
    try {
      await this.#write(status === this.#row.status ? {} : { status }, this.settings.lease.durationMs);
      return true;
    } catch (error) {
      if (!(error instanceof RepositoryError) || this.settings.repository.sitsOutOutages) throw error;
      this.settings.logger.warn({ uploadId: this.#row.id, error }, "checkpoint not stored yet");
      return false;
    }
  }

  /** Renews the lease before what must not be done for somebody else, unless a write was acknowledged within the last sixth of it. */
  confirm(signal: Stoppable = this.cancellation): Promise<void> | undefined {
    return this.#isDoubtful() ? this.#untilConfirmed(signal) : undefined;
  }

  /** An answer that took long, or found this process frozen, proves nothing; a store that is always as slow is not asked for ever. */
  async #untilConfirmed(signal: Stoppable): Promise<void> {
    for (let left = MOST_RENEWALS; left > 0 && this.#isDoubtful(); left--)
      await this.#write({}, this.settings.lease.durationMs, signal);
  }

  #isDoubtful(): boolean {
    return performance.now() - this.#confirmedAt > this.settings.lease.durationMs / 6;
  }

  /**
   * The last write: stores the outcome and every finished result. An abort does not stop it.
   *
   * @returns `"deleted"` or `"stale"` when the upload is no longer ours
   * @throws RepositoryError when the repository cannot be reached; UploadError `RESULT_REFUSED`, and it is still ours
   */
  async settle(changes: UploadChanges): Promise<Settlement> {
    const writing = this.#stop();
    if (writing !== undefined) await writing;
    try {
      await this.#write({ starts: 0, ...changes });
      this.letGo();
      return "saved";
    } catch (error) {
      if (code(error) === "RESULT_REFUSED") throw error;
      this.letGo();
      if (error instanceof Interrupted && this.#lost) return this.#lost.outcome;
      throw error;
    }
  }

  /** What the last write makes of the row: of a redo, the draft moves over to it. */
  get #completed(): UploadChanges {
    return this.draft === null ? { status: "completed" } : redone(this.draft, this.made, this.#row, this.settings);
  }

  /** Keys of objects that a row which is done again refers to, and not when it is completed. */
  replacedKeys(): readonly string[] {
    if (this.draft === null) return [];
    const left = derivedKeys(withChanges(this.#row, this.#completed));
    return derivedKeys(this.#row).filter((key) => !left.includes(key));
  }

  /**
   * The new result takes the place of the old one, and the upload is still held: nobody else can be writing an object under an
   * old key while the old objects are removed. What is left to do is to complete it. An abort does not stop it.
   */
  replaceResult(): Promise<void> {
    const { status: _, draft: __, ...result } = this.#completed;
    return this.#write(result, this.settings.lease.durationMs, NEVER);
  }

  /** Stores everything as completed. */
  complete(): Promise<Settlement> {
    return this.settle(this.#completed);
  }

  /** Stores why the work failed; a redo leaves the row as it was before, and keeps the draft for a retry. */
  async fail(error: UploadError): Promise<Settlement> {
    const status = this.draft?.was ?? "failed";
    if (code(error) === "RESULT_REFUSED") await this.#salvage();
    let refusal: unknown;
    for (const reason of reasonsOf(error)) {
      try {
        return await this.settle({ status, ...reason });
      } catch (thrown) {
        if (code(thrown) !== "RESULT_REFUSED") throw thrown;
        refusal = thrown;
        await this.#salvage();
      }
    }
    throw refusal;
  }

  /** Writes what is unsaved part by part, so that only what the store refuses is left out. */
  async #salvage(): Promise<void> {
    if (isEmpty(this.#unsaved)) return;
    const parts = partsOf(this.#unsaved);
    this.#unsaved = {};
    for (const part of parts) {
      addResults(this.#unsaved, part);
      try {
        await this.#write({}, this.settings.lease.durationMs, NEVER);
      } catch (thrown) {
        if (code(thrown) !== "RESULT_REFUSED") throw thrown;
        this.#unsaved = {};
      }
    }
  }

  /** Hands the upload back as if it had not been claimed, with what was made. */
  handBack(): Promise<Settlement> {
    this.#handedBack = true;
    return this.settle({ status: "pending", starts: this.starts - 1 });
  }

  /** Lets go of the upload without a write. */
  abandon(): Promise<void> | undefined {
    const writing = this.#stop();
    if (writing !== undefined) return writing.then(this.letGo);
    this.letGo();
    return undefined;
  }

  /** Stops the heartbeat; returns the write that is under way, if there is one. */
  #stop(): Promise<unknown> | undefined {
    this.#heartbeat.clear();
    return this.#writing?.catch(() => {});
  }

  /** Writes what is unsaved and, with a lease, renews that. Without one it is the last write, which no abort stops. */
  #write(
    changes: UploadChanges,
    leaseMs?: number,
    signal: Stoppable = leaseMs === undefined ? NEVER : this.cancellation,
  ): Promise<void> {
    const { repository } = this.settings;
    const { id } = this.#row;
    const what =
      leaseMs === undefined ? `The outcome of upload ${id} could not be stored` : `Upload ${id} could not be saved`;
    return this.#inTurn(changes, leaseMs, (sent, claim) => repository.update(what, id, sent, claim, signal));
  }

  /** One write at a time: a heartbeat that overtook a checkpoint could be taken for its answer. */
  #inTurn(changes: UploadChanges, leaseMs: number | undefined, write: Write): Promise<void> {
    const send = () => this.#send(changes, leaseMs, write);
    const writing = this.#writing === undefined ? send() : this.#writing.then(send, send);
    this.#writing = writing;
    const over = () => {
      if (this.#writing === writing) this.#writing = undefined;
    };
    writing.then(over, over);
    return writing;
  }

  async #send(changes: UploadChanges, leaseMs: number | undefined, write: Write): Promise<void> {
    if (this.#lost) throw new Interrupted();
    const results = this.#unsaved;
    this.#unsaved = {};
    const sent = Object.assign(asColumns(results, this.made, this.draft), changes);
    const sentAt = performance.now();
    let outcome: WriteOutcome;
    try {
      outcome = await write(sent, this.fence === undefined ? undefined : { fence: this.fence, leaseMs });
    } catch (error) {
      addResults(results, this.#unsaved);
      this.#unsaved = results;
      throw error;
    }
    if (outcome === "deleted" || outcome === "stale") {
      this.#lost = new ClaimLost(outcome);
      // Once it was handed back, another worker may have it: that is no reason to abort.
      if (!this.#handedBack) this.cancellation.abort(this.#lost);
      throw new Interrupted();
    }
    this.#confirmedAt = sentAt;
    this.#row = withChanges(this.#row, sent);
    if (outcome === "cancelled") this.cancellation.abort(batchCancelled(this.#row.batchId));
  }

  /** The heartbeat does not retry: the next one does. It is also how a deletion is noticed while the model works. */
  #beat(): void {
    if (this.#writing !== undefined) return;
    const { repository, lease } = this.settings;
    const { id } = this.#row;
    this.#inTurn({}, lease.durationMs, (sent, claim) => repository.updateOnce(id, sent, claim)).catch((error) => {
      if (!this.#lost) this.settings.logger.warn({ uploadId: id, error }, "lease not renewed");
    });
  }
}

type Write = (
  sent: UploadChanges,
  claim: { fence: number; leaseMs: number | undefined } | undefined,
) => Promise<WriteOutcome>;

function code(error: unknown): string | undefined {
  return UploadError.isInstance(error) ? error.code : undefined;
}
