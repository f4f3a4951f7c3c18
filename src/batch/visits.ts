import { Cancellation } from "../async/cancellation.js";
import { Interrupted, sleep } from "../async/time.js";
import type { UploadRecord } from "../contracts/upload.js";
import { classifyError, isFault, UploadError } from "../errors.js";
import type { RunContext, Settings } from "../pipeline/settings.js";
import { processUpload, type Work } from "../process-upload.js";
import type { DeferredUpload, UploadResult } from "../result.js";
import { ActiveUpload } from "../runtime/active-upload.js";
import type { Budget } from "../runtime/budget.js";
import type { Ledger } from "../runtime/ledger.js";
import { Limiter } from "../runtime/limiter.js";
import { endOf } from "./end-of.js";
import type { Gate } from "./gate.js";
import { askOnce } from "./health.js";
import { HeldUploads } from "./held-uploads.js";
import type { Outcomes } from "./outcomes.js";
import { Puller, type UploadSource } from "./puller.js";
import type { RunEnding } from "./run-ending.js";

/** What became of a visit; `"later"`: somebody else was before it. */
type Begun<U extends UploadRecord> = UploadResult<U> | "suspect" | "later";

const LATER = Promise.resolve("later" as const);

/** What the runs of one processor share. */
export interface Shared<U extends UploadRecord> {
  readonly work: Work<U>;
  readonly concurrency: number;
  /** The processor's slots, over all its runs. */
  readonly slots: Limiter;
  readonly gate: Gate;
}

/** Where the calls of a run are booked. */
interface Books {
  readonly ledger: Ledger;
  readonly budget: Budget | undefined;
}

/**
 * The visits of a run to its uploads: workers pull from a source, and what somebody else holds, or the service could not do, is
 * visited again. Only the ids of such uploads are remembered, so memory does not depend on how many there are.
 */
export class Visits<U extends UploadRecord> {
  readonly #settings: Settings<U>;
  readonly #held: HeldUploads;
  /** The run's own slots, where it has fewer than the processor: also those that no worker waits for take one. */
  readonly #own: Limiter | undefined;
  /** Those that no worker waits for: of busy uploads, and of suspects. */
  readonly #later = new Set<Promise<void>>();
  readonly #busy = new Set<string>();
  readonly #began = performance.now();
  #puller: Puller<U> | undefined;
  #inFlight = 0;

  /** @param settings with the run's own repository */
  constructor(
    private readonly shared: Shared<U>,
    settings: Settings<U>,
    private readonly outcomes: Outcomes<U>,
    private readonly ending: RunEnding,
    { ledger, budget }: Books,
    /** How many uploads are worked on at once. */
    private readonly workers: number,
  ) {
    this.#own = workers < shared.concurrency ? new Limiter(workers) : undefined;
    this.#held = new HeldUploads(settings.runtime.changes, settings.runtime.hasBreaker);
    const missing = new Set<number>();
    const run: RunContext = {
      ledger,
      budget,
      unpriced: undefined,
      ready: askOnce(settings, { missing }),
      missing,
      refusedBy: this.#held.refusedBy,
      isLastOne: () => this.#isLastOne(),
    };
    this.#settings = { ...settings, comesBack: true, run };
  }

  /** Whether nothing is left but waiting for uploads that somebody else holds. */
  get isOnlyWaiting(): boolean {
    return this.#later.size > 0 && this.#inFlight === 0;
  }

  /** Those that somebody else holds, which are waited for. */
  get busy(): ReadonlySet<string> {
    return this.#busy;
  }

  /** Works through a source. Resolves when everything that was pulled is settled, whatever became of it. */
  async drain(source: UploadSource<U>): Promise<void> {
    const { ending, outcomes, workers } = this;
    const { stopping } = ending;
    if (stopping.aborted) return;
    outcomes.passBegins();
    ending.waitForBusy();
    const puller = new Puller(source, stopping);
    this.#puller = puller;
    try {
      do {
        await Promise.all(Array.from({ length: workers }, () => this.#pullAll(puller)));
        while (this.#later.size > 0) await Promise.all(this.#later);
      } while (this.#held.size > 0 && ending.error === undefined && !stopping.aborted);
    } finally {
      puller.close();
    }
    // A run that ends before the service is back leaves them to the next one.
    for (const result of this.#held.results()) outcomes.settle(result);
    this.#held.clear();
  }

  async #pullAll(puller: Puller<U>): Promise<void> {
    for (let upload = await this.#next(puller); upload !== undefined; upload = await this.#next(puller))
      await this.#visit(upload);
  }

  /** Pulled from the source, and when that has ended, from what was held: so another one probes the service each time. */
  async #next(puller: Puller<U>): Promise<U | string | undefined> {
    const { ending } = this;
    if (ending.error !== undefined) return undefined;
    try {
      const opening = this.shared.gate.opens(ending.stopping, this.#began);
      if (opening !== undefined) await opening;
      return await this.#pulledOrHeld(puller);
    } catch (thrown) {
      if (thrown instanceof Interrupted) return undefined;
      if (UploadError.isInstance(thrown) && thrown.code === "CIRCUIT_OPEN") ending.interrupt(thrown);
      else ending.fail(classifyError(thrown, "claim", "INPUT_FAILED"));
      return undefined;
    }
  }

  async #pulledOrHeld(puller: Puller<U>): Promise<U | string | undefined> {
    const { stopping } = this.ending;
    while (this.ending.error === undefined) {
      const pulled = this.#held.isFull ? undefined : await puller.next();
      if (pulled !== undefined || stopping.aborted) return pulled;
      const id = this.#held.take();
      if (id !== undefined || this.#held.size === 0) return id;
      const { latestOutage } = this.#held;
      const patienceMs = latestOutage && this.shared.gate.patienceFor(latestOutage, this.#began);
      await this.#held.change(stopping, patienceMs ?? Number.POSITIVE_INFINITY);
    }
    return undefined;
  }

  async #visit(upload: U | string, otherwise?: UploadResult<U>, alone = false): Promise<void> {
    const uploadId = typeof upload === "string" ? upload : upload.id;
    const entry = new ActiveUpload(uploadId, this.#settings.repository.adapter, new Cancellation(), this.ending);
    try {
      const result = await this.#untilBegun(upload, entry, alone);
      if (result === "suspect") this.#visitLater(() => this.#visit(uploadId, undefined, true));
      else if (result.status === "skipped" && result.reason === "claimed-elsewhere") this.#visitAgain(entry, result);
      else if (result.status === "deferred") this.#hold(result);
      else this.outcomes.settle(result);
    } catch (thrown) {
      if (thrown instanceof Interrupted) {
        if (otherwise !== undefined) this.outcomes.settle(otherwise); // it was still waiting: not reached
      } else this.#stoppedBy(entry, thrown);
    }
  }

  /** Begins it when a slot is free, the gate is open, and it is a suspect's turn, all at once: nothing is held by what waits for others. */
  async #untilBegun(upload: U | string, entry: ActiveUpload, alone: boolean): Promise<UploadResult<U> | "suspect"> {
    const { gate, slots } = this.shared;
    const { stopping } = this.ending;
    const { suspects } = this.#settings.runtime;
    const process = () => this.#process(upload, entry, alone);
    const begin = () => (alone ? (suspects.take(process) ?? LATER) : process());
    const inSlot = () => slots.run<Begun<U>>(stopping, () => (gate.isOpen ? begin() : this.#asScout(begin)));
    for (;;) {
      const opening = gate.opens(stopping, this.#began);
      if (opening !== undefined) await opening;
      if (alone) await suspects.free(stopping);
      const result = await (this.#own === undefined ? inSlot() : this.#own.run(stopping, inSlot));
      if (result !== "later") return result;
    }
  }

  async #asScout(begin: () => Promise<Begun<U>>): Promise<Begun<U>> {
    const leave = this.shared.gate.sendScout();
    if (leave === undefined) return "later";
    try {
      return await begin();
    } finally {
      leave();
    }
  }

  async #process(upload: U | string, entry: ActiveUpload, alone: boolean): Promise<UploadResult<U> | "suspect"> {
    if (this.ending.aborting.aborted) throw new Interrupted();
    const work = { settings: this.#settings, table: this.shared.work.table };
    this.#inFlight++;
    try {
      return await processUpload(upload, entry, work, alone);
    } finally {
      this.#inFlight--;
    }
  }

  /** Not the upload's fault: it is done after what is not begun yet. */
  #hold(result: DeferredUpload): void {
    if (result.error.code === "BUDGET_EXHAUSTED") this.ending.interrupt(result.error);
    this.#held.hold(result);
  }

  /** Whether nothing is left in the run that could still show whether the service is up. */
  #isLastOne(): boolean {
    if (this.#inFlight > 1 || this.#puller?.isDone !== true) return false;
    const { memory } = this.#settings;
    for (const { uploadId } of this.#held.results()) if (!memory.isTried(uploadId)) return false;
    return true;
  }

  /** Comes back when its holder is done: at once where that is this process, else when the lease has run out. */
  #visitAgain(entry: ActiveUpload, otherwise: UploadResult<U> & { readonly retryAfterMs?: number | undefined }): void {
    const { lease, runtime } = this.#settings;
    const { uploadId } = entry;
    const giveUp = this.ending.givingUpBusy;
    this.#visitLater(async () => {
      this.#busy.add(uploadId);
      try {
        const delayMs = otherwise.retryAfterMs ?? lease.durationMs;
        const holder = [...runtime.active].find((each) => each.isSame(entry));
        if (holder !== undefined) await endOf(holder, delayMs, giveUp);
        else await sleep(entry.isFree ? 1 : delayMs, giveUp);
      } catch (thrown) {
        if (!(thrown instanceof Interrupted)) throw thrown;
        this.outcomes.giveUp(otherwise);
        return;
      } finally {
        this.#busy.delete(uploadId);
      }
      await this.#visit(await this.#recordOf(uploadId), otherwise);
    });
  }

  /**
   * Reads the record before a claim is made. If the holder died of this upload meanwhile, `starts` tells that it is a suspect. A
   * claim would tell that, too, but would count as a start if this process died as well, of another upload.
   */
  #recordOf(uploadId: string): Promise<U | string> {
    return this.#settings.repository.find(uploadId, this.ending.stopping).then(
      (upload) => upload ?? uploadId,
      () => uploadId,
    );
  }

  #visitLater(visit: () => Promise<void>): void {
    const visiting = visit().finally(() => this.#later.delete(visiting));
    this.#later.add(visiting);
  }

  /** The deployment is at fault, or the outcome could not be stored: the upload is open, and the run may have to end. */
  #stoppedBy(entry: ActiveUpload, thrown: unknown): void {
    const { ending, outcomes } = this;
    const { uploadId } = entry;
    const error = classifyError(thrown, "save", "REPOSITORY_FAILED");
    if (error.code === "CIRCUIT_OPEN") {
      ending.interrupt(error); // the gate was not passed: nothing was begun
      return;
    }
    const work = { attempts: 0, durationMs: 0, warnings: [], stages: [], usage: {} };
    const aborted: UploadResult<U> = { status: "aborted", reason: error, uploadId, ...work };
    if (isFault(error, "deployment")) {
      ending.fail(error);
      ending.stop();
    } else if (this.shared.gate.reason?.reason === "repository") ending.interrupt(error);
    else if (!ending.aborting.aborted && outcomes.notStored(uploadId, error)) {
      this.#visitAgain(entry, aborted);
      return;
    }
    outcomes.settle(aborted);
  }
}
