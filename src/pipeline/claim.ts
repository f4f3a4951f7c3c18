import type { Cancellation, Stoppable } from "../async/cancellation.js";
import type { Moment } from "../async/moment.js";
import { Interrupted, NEVER } from "../async/time.js";
import type { UploadChanges } from "../contracts/repository.js";
import type { UploadDraft, UploadRecord, UploadStatus } from "../contracts/upload.js";
import { isFault, RepositoryError, UploadError } from "../errors.js";
import { derivedKeys } from "../records.js";
import { asColumns, redone, replacing, startsOf } from "./claim-changes.js";
import type { Settlement } from "./claim-lost.js";
import { reasonsOf } from "./failure-reasons.js";
import { HeldRow } from "./held-row.js";
import { keptResults, madeResults } from "./kept-results.js";
import { addResults, isEmpty, leaveOut, partsOf, type Results, resultsOf, withChanges } from "./results.js";
import type { Settings } from "./settings.js";

/**
 * The hold on one upload: what was made of it, and what becomes of its row. Results go to the row, or to its draft where it is
 * being done again.
 */
export class Claim<U extends UploadRecord> {
  readonly starts: number;
  /** As it was claimed; `null` when the upload is not being done again. */
  readonly draft: UploadDraft | null;
  /** What the stages have made, in this claim or in an earlier one of the same work. */
  readonly made: Results;
  /** What a redo takes from the row as it is. */
  readonly kept: Results;
  readonly #held: HeldRow<U>;
  #isHeld = true;

  constructor(
    claimed: U,
    fence: number | undefined,
    private readonly settings: Settings<U>,
    cancellation: Cancellation,
    claimedAt: Moment,
    private readonly whenLetGo: () => void = () => {},
  ) {
    this.starts = startsOf(claimed) ?? 1;
    this.draft = claimed.draft ?? null;
    const { draft } = this;
    this.kept = draft === null ? {} : keptResults(claimed, draft, settings);
    this.made = draft === null ? resultsOf(claimed) : madeResults(draft, this.kept, settings);
    const columnsOf = (results: Results) => asColumns(results, this.made, this.draft);
    this.#held = new HeldRow(claimed, { fence, claimedAt, asColumns: columnsOf }, settings, cancellation);
  }

  /** Whether it may still write. */
  get isHeld(): boolean {
    return this.#isHeld;
  }

  /** Once: somebody else may hold the upload when it is abandoned after it was settled. */
  #letGo(): void {
    if (!this.#isHeld) return;
    this.#isHeld = false;
    this.whenLetGo();
  }

  /** The row as the last acknowledged write has left it. */
  get row(): U {
    return this.#held.row;
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
    return this.made.aiVersion ?? (this.kept.description === undefined ? null : (this.row.aiVersion ?? null));
  }

  /** The record as adapters see it: the row, and over it everything that was made. */
  get view(): U {
    const { made, row } = this;
    const view = Object.assign({}, row, made);
    if (made.metadata !== undefined) view.metadata = Object.assign({}, row.metadata, made.metadata);
    return view;
  }

  /** A finished result that may wait for the next write. */
  keep(results: Results): void {
    addResults(this.made, results);
    addResults(this.#held.unsaved, results);
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
      await this.#held.renew(status === this.row.status ? {} : { status });
      return true;
    } catch (error) {
      if (!(error instanceof RepositoryError) || this.settings.repository.sitsOutOutages) throw error;
      this.settings.logger.warn({ uploadId: this.row.id, error }, "checkpoint not stored yet");
      return false;
    }
  }

  /** Whether it would be renewed by `confirm`. */
  get isDoubtful(): boolean {
    return this.#held.isDoubtful;
  }

  /** Renews the lease before what must not be done for somebody else, unless a write was acknowledged within the last sixth of it. */
  confirm(signal?: Stoppable): Promise<void> | undefined {
    return this.#held.confirm(signal);
  }

  /**
   * The last write: stores the outcome and every finished result. An abort does not stop it.
   *
   * @returns `"deleted"` or `"stale"` when the upload is no longer ours
   * @throws RepositoryError when the repository cannot be reached; UploadError `RESULT_REFUSED` and ConfigurationError, and it is
   *   still ours
   */
  async settle(changes: UploadChanges): Promise<Settlement> {
    const writing = this.#held.stop();
    if (writing !== undefined) await writing;
    try {
      await this.#held.settle({ starts: 0, ...changes });
      this.#letGo();
      return "saved";
    } catch (error) {
      if (isRefusal(error)) throw error;
      this.#letGo();
      if (error instanceof Interrupted && this.#held.lost) return this.#held.lost.outcome;
      throw error;
    }
  }

  /** What the last write makes of the row: of a redo, the draft moves over to it. */
  get #completed(): UploadChanges {
    return this.draft === null ? { status: "completed" } : redone(this.draft, this.made, this.row, this.settings);
  }

  /** Keys of objects that a row which is done again refers to, and not when it is completed. */
  replacedKeys(): readonly string[] {
    if (this.draft === null) return [];
    const left = derivedKeys(withChanges(this.row, this.#completed));
    return derivedKeys(this.row).filter((key) => !left.includes(key));
  }

  /**
   * The new result takes the place of the old one, and the upload is still held: nobody else can be writing an object under an
   * old key while the old objects are removed. What is left to do is to complete it. An abort does not stop it.
   */
  replaceResult(replaced: readonly string[]): Promise<void> {
    return this.#held.renew(replacing(this.#completed, replaced), NEVER);
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
    const held = this.#held;
    if (isEmpty(held.unsaved)) return;
    const { made } = this;
    const parts = partsOf(held.unsaved);
    held.unsaved = {};
    // The metadata of a draft is written whole: what is refused would have each part of it refused.
    leaveOut(made, parts);
    for (const part of parts) {
      addResults(made, part);
      addResults(held.unsaved, part);
      try {
        await held.renew({}, NEVER);
      } catch (thrown) {
        if (code(thrown) !== "RESULT_REFUSED") throw thrown;
        held.unsaved = {};
        leaveOut(made, [part]);
      }
    }
  }

  /**
   * Hands the upload back as if it had not been claimed, with what was made: where the store refuses a part of that, with the rest;
   * where the store lacks a column, with nothing, because a description without its version would be completed without it.
   */
  async handBack(): Promise<Settlement> {
    this.#held.isHandedBack = true;
    const changes = { status: "pending", starts: this.starts - 1 } as const;
    try {
      return await this.settle(changes);
    } catch (thrown) {
      if (!isRefusal(thrown) || isEmpty(this.#held.unsaved)) throw thrown;
      if (code(thrown) === "RESULT_REFUSED") await this.#salvage();
      else this.#held.unsaved = {};
      return this.settle(changes);
    }
  }

  /** Lets go of the upload without a write. */
  abandon(): Promise<void> | undefined {
    const writing = this.#held.stop();
    if (writing !== undefined) return writing.then(() => this.#letGo());
    this.#letGo();
    return undefined;
  }
}

/** The store can be reached and does not take this: by a value, or because it lacks a column. Another write may be taken. */
function isRefusal(error: unknown): boolean {
  return code(error) === "RESULT_REFUSED" || isFault(error, "deployment");
}

function code(error: unknown): string | undefined {
  return UploadError.isInstance(error) ? error.code : undefined;
}
