import type { UploadChanges, WriteOutcome } from "../contracts/repository.js";
import type { UploadRecord } from "../contracts/upload.js";
import { RepositoryError } from "../errors.js";
import type { Settings } from "../options.js";
import type { Cancellation } from "./cancellation.js";
import { answered, requireOutcome, storeRetried } from "./repository-calls.js";
import { Interrupted, NEVER } from "./time.js";

/** Why the work on an upload has to stop: its row is gone, or somebody else's. The reason on the run's signal. */
export class ClaimLost extends Error {
  override readonly name = "ClaimLost";
  constructor(readonly outcome: "deleted" | "stale") {
    super(outcome === "deleted" ? "The upload was deleted" : "Another worker has taken the upload");
  }
}

/** `undefined` for what is no number: NaN would be in quarantine for ever, and a text grow by a digit at each start. */
export function startsOf({ starts }: UploadRecord): number | undefined {
  return starts != null && Number.isSafeInteger(Number(starts)) ? Number(starts) : undefined;
}

/** How often a lease is renewed before a paid call, when each answer takes longer than a sixth of it. */
const MOST_RENEWALS = 3;

/**
 * The hold on one upload: every write of its work goes through here, fenced, one at a time. What could not be written yet
 * is kept and goes along with the next write.
 */
export class Claim<U extends UploadRecord> {
  readonly starts: number;
  #stored: UploadChanges = {};
  #unsaved: UploadChanges = {};
  #overlaid: U | undefined;
  /** When the last write was sent that the repository has acknowledged: the lease runs at least from there. */
  #confirmedAt: number;
  /** The write that is under way. */
  #writing: Promise<unknown> | undefined;
  #lost: ClaimLost | undefined;
  #givenBack = false;
  readonly #heartbeat: NodeJS.Timeout;

  constructor(
    private readonly claimed: U,
    private readonly fence: number | undefined,
    private readonly settings: Settings<U>,
    private readonly cancellation: Cancellation,
    claimedAt: number,
    private readonly letGo: () => void = () => {},
  ) {
    this.starts = startsOf(claimed) ?? 1;
    this.#confirmedAt = claimedAt;
    this.#heartbeat = setInterval(() => this.#beat(), settings.lease.durationMs / 3);
  }

  /** The claimed record overlaid with every finished result; once settled, all of that is stored. */
  get upload(): U {
    // Not `{ ...a, ...b }`: V8 adds properties to what it has cloned 20 times more slowly (3.7 µs; Node 20).
    this.#overlaid ??= Object.assign({}, this.claimed, this.#stored, this.#unsaved);
    return this.#overlaid;
  }

  /** A finished result that may wait for the next write. */
  keep(changes: UploadChanges): void {
    this.#overlaid = undefined;
    Object.assign(this.#unsaved, changes);
  }

  /**
   * A checkpoint. When the repository cannot be reached it is kept for the next write, and the work goes on.
   *
   * @returns whether it is stored
   * @throws Interrupted when the claim is lost, or the work aborted
   */
  async save(changes: UploadChanges): Promise<boolean> {
    this.keep(changes);
    try {
      await this.renew();
      return true;
    } catch (error) {
      if (!(error instanceof RepositoryError)) throw error;
      this.settings.logger.warn({ uploadId: this.claimed.id, error }, "checkpoint not stored yet");
      return false;
    }
  }

  /** Renews the lease before a paid call, unless a write was acknowledged within the last sixth of it. */
  confirm(): Promise<void> | undefined {
    return this.#isDoubtful() ? this.#untilConfirmed() : undefined;
  }

  /** An answer that took long, or found this process frozen, proves nothing; a store that is always as slow is not asked for ever. */
  async #untilConfirmed(): Promise<void> {
    for (let left = MOST_RENEWALS; left > 0 && this.#isDoubtful(); left--) await this.renew();
  }

  #isDoubtful(): boolean {
    return performance.now() - this.#confirmedAt > this.settings.lease.durationMs / 6;
  }

  /** Writes what is unsaved and renews the lease. @throws RepositoryError, Interrupted */
  renew(): Promise<void> {
    const { durationMs } = this.settings.lease;
    return storeRetried(`Upload ${this.claimed.id} could not be saved`, this.cancellation, () =>
      this.#write({}, durationMs),
    );
  }

  /** Stops the heartbeat; returns the write that is under way, if there is one. */
  #stop(): Promise<unknown> | undefined {
    clearInterval(this.#heartbeat);
    return this.#writing?.catch(() => {});
  }

  /**
   * The last write: stores the status and every finished result. An abort does not stop it.
   *
   * @returns `"deleted"` or `"stale"` when the upload is no longer ours
   * @throws RepositoryError when the repository cannot be reached
   */
  async settle(changes: UploadChanges): Promise<WriteOutcome> {
    await this.#stop();
    try {
      await storeRetried(`The outcome of upload ${this.claimed.id} could not be stored`, NEVER, () =>
        this.#write({ starts: 0, ...changes }),
      );
      return "saved";
    } catch (error) {
      if (error instanceof Interrupted && this.#lost) return this.#lost.outcome;
      throw error;
    } finally {
      this.letGo();
    }
  }

  /** Hands an upload back as if it had not been claimed. */
  async giveBack(): Promise<void> {
    this.#givenBack = true;
    await this.settle({ status: "pending", starts: this.starts - 1 });
  }

  /** Lets go of the upload without a write. */
  abandon(): Promise<void> | undefined {
    const writing = this.#stop();
    if (writing !== undefined) return writing.then(this.letGo);
    this.letGo();
    return undefined;
  }

  /** One write at a time: a heartbeat that overtook a checkpoint could be taken for its answer. */
  #write(changes: UploadChanges, leaseMs?: number): Promise<void> {
    const send = () => this.#send(changes, leaseMs);
    const writing = this.#writing === undefined ? send() : this.#writing.then(send, send);
    this.#writing = writing;
    const over = () => {
      if (this.#writing === writing) this.#writing = undefined;
    };
    writing.then(over, over);
    return writing;
  }

  async #send(changes: UploadChanges, leaseMs: number | undefined): Promise<void> {
    if (this.#lost) throw new Interrupted();
    const { repository } = this.settings;
    const kept = this.#unsaved;
    this.#unsaved = {};
    const sent: UploadChanges = Object.assign({}, kept, changes);
    const sentAt = performance.now();
    try {
      const claim = this.fence === undefined ? undefined : { fence: this.fence, leaseMs };
      const outcome = requireOutcome(await answered(repository.updateUpload(this.claimed.id, sent, claim)));
      if (outcome !== "saved") {
        this.#lost = new ClaimLost(outcome);
        // Given back is as good as lost: whoever has it now does not stop the work that is not begun yet.
        if (!this.#givenBack) this.cancellation.abort(this.#lost);
        throw new Interrupted();
      }
      this.#confirmedAt = sentAt;
      this.#stored = Object.assign({}, this.#stored, sent);
      this.#overlaid = undefined;
    } catch (error) {
      this.#unsaved = Object.assign({}, kept, this.#unsaved);
      throw error;
    }
  }

  /** The heartbeat does not retry: the next one does. It is also how a deletion is noticed while the model works. */
  #beat(): void {
    if (this.#writing !== undefined) return;
    this.#write({}, this.settings.lease.durationMs).catch((error) => {
      if (!this.#lost) this.settings.logger.warn({ uploadId: this.claimed.id, error }, "lease not renewed");
    });
  }
}
