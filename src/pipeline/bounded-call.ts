import { createHash } from "node:crypto";
import { Cancellation, WithSignal } from "../async/cancellation.js";
import { LazyTimer } from "../async/lazy-timer.js";
import { Interrupted } from "../async/time.js";
import type { StageContext } from "../contracts/ai.js";
import type { StageName, UploadRecord } from "../contracts/upload.js";
import { classifyError, UploadError, usageOf } from "../errors.js";
import { versionFor } from "../records.js";
import type { OwnOfCall, StageCall } from "./call-stage.js";
import { mayReadDescription } from "./kept-results.js";
import type { UploadRun } from "./run.js";

/** How long an adapter that ignores its aborted signal is waited for, in milliseconds. */
export const ABORT_GRACE_MS = 5000;

/**
 * A call of an adapter under a signal of its own: aborted with the run, and by the timeout, whose clock stands still while the
 * call waits for a decoder.
 */
export class BoundedCall<U extends UploadRecord, Answer> implements OwnOfCall {
  /** @throws UploadError, Interrupted */
  readonly answer: Promise<Answer>;
  readonly cancellation = new Cancellation();
  readonly #onAbort = () => this.#stop(this.run.signal.reason);
  #working: Promise<Answer> | undefined;
  #resolve!: (answer: Answer) => void;
  #reject!: (error: unknown) => void;
  #timeoutError: UploadError | undefined;
  #isOver = false;
  #timer: LazyTimer | undefined;
  #grace: NodeJS.Timeout | undefined;
  #leftMs: number;
  /** When its timer was set; `undefined` while it is not. */
  #wentAt: number | undefined;

  constructor(
    private readonly run: UploadRun<U>,
    private readonly call: StageCall<Answer, unknown>,
  ) {
    this.answer = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.#leftMs = call.timeoutMs;
    run.clock = this;
    if (!run.isWaiting) this.startClock();
    run.signal.addEventListener("abort", this.#onAbort, { once: true });
    this.#working = this.#work();
    this.#working.then(
      (answer) => {
        if (this.#end()) this.#resolve(answer);
      },
      (thrown: unknown) => {
        if (this.#end()) this.#reject(this.#failure(thrown));
      },
    );
  }

  stopClock(): void {
    if (this.#timer === undefined) return;
    this.#timer.clear();
    this.#timer = undefined;
    if (this.#wentAt !== undefined) this.#leftMs = Math.max(1, this.#leftMs - (performance.now() - this.#wentAt));
    this.#wentAt = undefined;
  }

  startClock(): void {
    if (this.#isOver || this.#timer !== undefined) return;
    this.#timer = new LazyTimer(() => {
      this.#wentAt = performance.now();
      return setTimeout(() => this.#onTimeout(), this.#leftMs);
    });
  }

  #work(): Promise<Answer> {
    const { call } = this.call as Required<Pick<StageCall<Answer, unknown>, "call">>;
    try {
      return Promise.resolve(call(this));
    } catch (thrown) {
      return Promise.reject(thrown);
    }
  }

  get context(): StageContext {
    const { run, call } = this;
    return new CallContext(
      this.cancellation,
      Math.max(1, call.attempt),
      call.ask ?? 1,
      keyMaker(run, call.stage, call.model),
      (fraction, message) => {
        if (!this.#isOver) run.progress.report(fraction, message);
      },
      run.settings.logger,
    );
  }

  /** @returns false when it was over before */
  #end(): boolean {
    if (this.#isOver) return false;
    this.#isOver = true;
    this.#timer?.clear();
    clearTimeout(this.#grace);
    this.run.signal.removeEventListener("abort", this.#onAbort);
    if (this.run.clock === this) this.run.clock = undefined;
    return true;
  }

  #onTimeout(): void {
    const { stage, timeoutMs } = this.call;
    this.#timeoutError = tookLonger(stage, timeoutMs);
    this.#stop(this.#timeoutError);
  }

  /** An answer that arrives within the grace counts, also after an abort: it was paid for. */
  #stop(reason: unknown): void {
    if (this.#isOver || this.cancellation.aborted) return;
    this.#grace = setTimeout(() => this.#giveUp(), ABORT_GRACE_MS);
    this.cancellation.abort(reason);
  }

  #giveUp(): void {
    if (!this.#end()) return;
    const { run, call } = this;
    if (this.#working !== undefined) call.onLate?.(this.#working);
    run.warn(wentOn(call.stage));
    this.#reject(this.#failure(undefined));
  }

  /** What an aborted call threw says that it was aborted, and what it had used up before. */
  #failure(thrown: unknown): Error {
    const stopped = this.run.signal.aborted ? new Interrupted() : this.#timeoutError;
    if (stopped === undefined) return classifyError(thrown, this.call.stage, this.call.code);
    const usage = usageOf(thrown);
    return usage === undefined ? stopped : Object.assign(stopped, { usage });
  }
}

/** Its key is made when it is read, as its signal is: to hash the description takes 2 µs. */
class CallContext extends WithSignal implements StageContext {
  static readonly #property = {
    enumerable: true,
    get(this: CallContext): string {
      return this.#makeKey();
    },
  };
  readonly #makeKey: () => string;
  declare readonly idempotencyKey: string;

  constructor(
    cancellation: Cancellation,
    readonly attempt: number,
    readonly ask: number,
    makeKey: () => string,
    readonly reportProgress: StageContext["reportProgress"],
    readonly logger: StageContext["logger"],
  ) {
    super(cancellation);
    this.#makeKey = makeKey;
    Object.defineProperty(this, "idempotencyKey", CallContext.#property);
  }
}

export function tookLonger(stage: StageName, timeoutMs: number): UploadError {
  return new UploadError(`${stage} took longer than ${timeoutMs} ms`, { code: "STAGE_TIMEOUT", stage });
}

export function wentOn(stage: StageName): UploadError {
  const message = `The ${stage} adapter went on for ${ABORT_GRACE_MS} ms after its signal was aborted; pass the signal on`;
  return new UploadError(message, { code: "ABORT_IGNORED", stage });
}

/**
 * Names the upload (two stores may have uploads of one id: so by its original and its user, too), the stage, the model where it has
 * a name, the redo, the description where the stage is behind it, and how many answers were not accepted: another one of these is
 * another call. A service that is asked again by the same key answers as it did then: that would be the vector of another text where
 * an interrupted redo describes anew.
 *
 * @returns makes the key of the call that begins now, whenever it is read
 */
export function keyMaker<U extends UploadRecord>(run: UploadRun<U>, stage: StageName, model?: string): () => string {
  const { id, settings, claim } = run;
  const { draft, row, description } = claim;
  const redo = draft?.redo ?? row.metadata?.redo;
  const refused = run.refusedAnswers?.get(stage);
  const ofStage = model ?? versionFor(settings.ai, stage === "embed" ? "embed" : "describe");
  return () => {
    const own = settings.stages.find(({ name }) => name === stage);
    const isOfDescription = own === undefined ? stage === "embed" : mayReadDescription(own);
    const { storageKey, userId } = row;
    let key = `upload-processor/${id}/${stage}/${hashOf(JSON.stringify([storageKey, userId ?? null]))}`;
    if (ofStage !== undefined) key += `/${ofStage}`;
    if (typeof redo === "string") key += `/${redo}`;
    if (isOfDescription && description !== undefined) key += `/${hashOf(description)}`;
    if (refused !== undefined) key += `/${refused}`;
    return key;
  };
}

function hashOf(text: string): string {
  return createHash("sha256").update(text).digest("base64url").slice(0, 16);
}
