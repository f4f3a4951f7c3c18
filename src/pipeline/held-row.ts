import type { Cancellation, Stoppable } from "../async/cancellation.js";
import { LazyTimer } from "../async/lazy-timer.js";
import { Moment } from "../async/moment.js";
import { Interrupted, NEVER } from "../async/time.js";
import type { UploadChanges, WriteOutcome } from "../contracts/repository.js";
import type { UploadRecord } from "../contracts/upload.js";
import { batchCancelled, ClaimLost } from "./claim-lost.js";
import { addResults, type Results, withChanges } from "./results.js";
import type { Settings } from "./settings.js";

/** How often a lease is renewed before a paid call, when each answer takes longer than a sixth of it. */
export const MOST_RENEWALS = 3;

/** What came with the claim. */
interface Held {
  /** `undefined` where the repository knows no claims. */
  readonly fence: number | undefined;
  /** When the claim was sent: the lease runs at least from there. */
  readonly claimedAt: Moment;
  /** Results as the values of columns. */
  readonly asColumns: (results: Results) => UploadChanges;
}

/**
 * The row of a claim: written fenced, one write at a time, its lease renewed by each of them and by a heartbeat. What could not be
 * written yet goes along with the next write.
 */
export class HeldRow<U extends UploadRecord> {
  #row: U;
  /** Finished results that wait for the next write. */
  unsaved: Results = {};
  /** Set when it is handed back: whatever is found afterwards is no reason to abort. */
  isHandedBack = false;
  /** When the last write was sent that the repository has acknowledged. */
  #confirmedAt: Moment;
  /** The last of the writes that are under way. */
  #writing: Promise<unknown> | undefined;
  #writes = 0;
  #lost: ClaimLost | undefined;
  readonly #heartbeat: LazyTimer;

  constructor(
    claimed: U,
    private readonly held: Held,
    private readonly settings: Settings<U>,
    private readonly cancellation: Cancellation,
  ) {
    this.#row = Object.assign({}, claimed); // a repository in memory may go on changing its own
    this.#confirmedAt = held.claimedAt;
    this.#heartbeat = new LazyTimer(() => setInterval(() => this.#beat(), settings.lease.durationMs / 3));
  }

  /** As the last acknowledged write has left it. */
  get row(): U {
    return this.#row;
  }

  /** Set once a write was answered with it. */
  get lost(): ClaimLost | undefined {
    return this.#lost;
  }

  /** Renews the lease before what must not be done for somebody else, unless a write was acknowledged within the last sixth of it. */
  confirm(signal: Stoppable = this.cancellation): Promise<void> | undefined {
    return this.isDoubtful ? this.#untilConfirmed(signal) : undefined;
  }

  /** An answer that took long, or found this process frozen, proves nothing; a store that is always as slow is not asked for ever. */
  async #untilConfirmed(signal: Stoppable): Promise<void> {
    for (let left = MOST_RENEWALS; left > 0 && this.isDoubtful; left--) await this.renew({}, signal);
  }

  /** Whether it may have run out since a write was acknowledged. */
  get isDoubtful(): boolean {
    return this.#confirmedAt.agoMs > this.settings.lease.durationMs / 6;
  }

  /** Writes what is unsaved, and renews the lease. @throws Interrupted when the claim is lost, or the work aborted */
  renew(changes: UploadChanges, signal: Stoppable = this.cancellation): Promise<void> {
    return this.#write(`Upload ${this.#row.id} could not be saved`, changes, this.settings.lease.durationMs, signal);
  }

  /** The last write, which no abort stops. @throws Interrupted when the claim is lost */
  settle(changes: UploadChanges): Promise<void> {
    return this.#write(`The outcome of upload ${this.#row.id} could not be stored`, changes, undefined, NEVER);
  }

  /** Stops the heartbeat; returns the write that is under way, if there is one. */
  stop(): Promise<unknown> | undefined {
    this.#heartbeat.clear();
    return this.#writing?.catch(() => {});
  }

  #write(what: string, changes: UploadChanges, leaseMs: number | undefined, signal: Stoppable): Promise<void> {
    const { repository } = this.settings;
    const { id } = this.#row;
    return this.#inTurn(changes, leaseMs, (sent, claim) => repository.update(what, id, sent, claim, signal));
  }

  /** One write at a time: a heartbeat that overtook a checkpoint could be taken for its answer. */
  #inTurn(changes: UploadChanges, leaseMs: number | undefined, write: Write): Promise<void> {
    const send = () => this.#send(changes, leaseMs, write);
    this.#writes++;
    const writing = this.#writing === undefined ? send() : this.#writing.then(send, send);
    if (this.#writes > 0) this.#writing = writing; // else it was over at once
    return writing;
  }

  async #send(changes: UploadChanges, leaseMs: number | undefined, write: Write): Promise<void> {
    try {
      if (this.#lost) throw new Interrupted();
      const { fence, asColumns } = this.held;
      const results = this.unsaved;
      this.unsaved = {};
      const columns = asColumns(results);
      const { draft } = columns;
      const sent = Object.assign(columns, changes);
      // As a store merges two writes.
      if (draft && changes.draft) sent.draft = Object.assign({}, draft, changes.draft);
      const sentAt = new Moment();
      let outcome: WriteOutcome;
      try {
        outcome = await write(sent, fence === undefined ? undefined : { fence, leaseMs });
      } catch (error) {
        addResults(results, this.unsaved);
        this.unsaved = results;
        throw error;
      }
      if (outcome === "deleted" || outcome === "stale") {
        this.#lost = new ClaimLost(outcome);
        // Once it was handed back, another worker may have it: that is no reason to abort.
        if (!this.isHandedBack) this.cancellation.abort(this.#lost);
        throw new Interrupted();
      }
      this.#confirmedAt = sentAt;
      this.#row = withChanges(this.#row, sent);
      if (outcome === "cancelled") this.cancellation.abort(batchCancelled(this.#row.batchId));
    } finally {
      if (--this.#writes === 0) this.#writing = undefined;
    }
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
