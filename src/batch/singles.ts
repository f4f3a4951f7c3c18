import { ActiveSet, type Listed } from "../async/active-set.js";
import { Cancellation } from "../async/cancellation.js";
import { forwardAbort } from "../async/time.js";
import type { UploadRecord } from "../contracts/upload.js";
import type { UploadError } from "../errors.js";
import type { EngineAttempt, ProcessOptions } from "../options.js";
import type { ReliableRepository } from "../pipeline/reliable-repository.js";
import { type OutageCall, WRITE_SAVE } from "../pipeline/repository-outage.js";
import { requireAttempt } from "../pipeline/resolve-settings.js";
import type { Work } from "../process-upload.js";
import { processReset } from "../process-upload-with-retry.js";
import type { UploadResult } from "../result.js";
import { unstarted } from "../upload-outcome.js";
import { requireUpload } from "../validate.js";
import type { BreakerEvents } from "./breaker-events.js";
import type { Shared } from "./visits.js";

const later = Symbol("later");
const LATER = Promise.resolve<typeof later>(later);

/** An upload that is in work. */
interface Working extends Listed {
  readonly uploadId: string;
  readonly cancellation: Cancellation;
  /** Whether it waits for a slot, or for its turn as a suspect. */
  isWaiting: boolean;
  ended: Promise<unknown>;
}

/** The uploads that one processor is at work on outside of any run. */
export class Singles<U extends UploadRecord> {
  readonly #working = new ActiveSet<Working>();
  /** For the jobs of engines: as in a batch, what is finished and cannot be stored is not lost, and not paid for again. */
  readonly #sittingOut: ReliableRepository<U>;
  #last: { readonly attempt: EngineAttempt; readonly work: Work<U> } | undefined;

  constructor(
    private readonly shared: Shared<U>,
    private readonly breakerEvents: BreakerEvents<U>,
  ) {
    const { repository } = shared.work.settings;
    this.#sittingOut = repository.withOutage(shared.gate.outageFor((call) => this.#holderOf(call)));
  }

  async process(
    upload: U | string,
    { signal, attempt, rerun }: Pick<ProcessOptions<U>, "signal" | "attempt" | "rerun">,
  ): Promise<UploadResult<U>> {
    requireUpload("upload", upload);
    const work = attempt === undefined ? this.shared.work : this.#attempting(attempt);
    // Each job of the queue would be claimed, and its original read, only to be put back.
    const exhausted = attempt === undefined ? undefined : work.settings.runtime.budget?.refusal();
    if (exhausted !== undefined) return unaffordable(upload, exhausted);
    const cancellation = new Cancellation();
    const unlink = forwardAbort(signal, cancellation);
    const uploadId = typeof upload === "string" ? upload : upload.id;
    const working: Working = { uploadId, cancellation, isWaiting: true, ended: Promise.resolve(), place: undefined };
    const inSlot = <T>(task: () => Promise<T>, isSuspect: boolean) => this.#inSlot(working, task, isSuspect);
    this.#working.add(working);
    this.breakerEvents.begin();
    try {
      const ended = processReset<U>(upload, work, cancellation, rerun, inSlot);
      working.ended = ended;
      return await ended;
    } finally {
      unlink();
      this.#working.delete(working);
      this.breakerEvents.end();
    }
  }

  /** Almost all jobs are at the same attempt: their settings are made once. */
  #attempting(attempt: EngineAttempt): Work<U> {
    requireAttempt(attempt);
    const { number, max } = attempt;
    const last = this.#last;
    if (last?.attempt.number === number && last.attempt.max === max) return last.work;
    const { settings, table } = this.shared.work;
    const own = { attempt: { number, max }, comesBack: true, retry: { ...settings.retry, maxAttempts: 1 } };
    const work = { settings: { ...settings, ...own, repository: this.#sittingOut }, table };
    this.#last = { attempt: own.attempt, work };
    return work;
  }

  /** A job that has not begun waits in its engine. */
  #holderOf({ where, uploadId }: OutageCall): Cancellation | null {
    if (where !== WRITE_SAVE) return null;
    const holders = Array.from(this.#working).filter((working) => working.uploadId === uploadId);
    return (holders.find(({ cancellation }) => !cancellation.aborted) ?? holders[0])?.cancellation ?? null;
  }

  /** Begins nothing more: what waits is aborted. */
  stop(reason: unknown): void {
    for (const { cancellation, isWaiting } of this.#working) if (isWaiting) cancellation.abort(reason);
  }

  abort(reason: unknown): void {
    for (const { cancellation } of this.#working) cancellation.abort(reason);
  }

  async ended(): Promise<void> {
    await Promise.allSettled(Array.from(this.#working, ({ ended }) => ended));
  }

  /** Begins when a slot is free, the processor is not paused, and it is a suspect's turn, all at once. @throws Interrupted */
  async #inSlot<T>(working: Working, task: () => Promise<T>, isSuspect: boolean): Promise<T> {
    const { gate, slots, work } = this.shared;
    const { suspects, changes } = work.settings.runtime;
    const { cancellation } = working;
    const started = () => {
      working.isWaiting = false;
      return task();
    };
    const begin = () => {
      if (gate.isPaused) return LATER;
      return isSuspect ? (suspects.take(started) ?? LATER) : started();
    };
    try {
      for (;;) {
        while (gate.isPaused) await changes.wait(cancellation);
        if (isSuspect) await suspects.free(cancellation);
        const done = await slots.run<T | typeof later>(cancellation, begin);
        if (done !== later) return done;
      }
    } finally {
      working.isWaiting = true;
    }
  }
}

function unaffordable<U extends UploadRecord>(upload: U | string, error: UploadError): UploadResult<U> {
  const uploadId = typeof upload === "string" ? upload : upload.id;
  return { status: "deferred", error, countsAsAttempt: false, ...unstarted(uploadId, performance.now()) };
}
