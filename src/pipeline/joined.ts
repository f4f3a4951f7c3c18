import { Interrupted, throwIfInterrupted } from "../async/time.js";
import type { UploadRecord } from "../contracts/upload.js";
import type { UploadError } from "../errors.js";
import { Coalescer } from "../runtime/coalescer.js";
import type { UploadRun } from "./run.js";
import type { Settings } from "./settings.js";
import { SharedCall } from "./shared-call.js";

/** What came of a call for one of the texts in it: its vector, still to be judged, or why the answer cannot be used. */
export type Shared = { readonly vector: ArrayLike<number> } | { readonly refused: UploadError };

/** An upload whose text waits to be sent with others, or is sent. */
export class Joined<U extends UploadRecord> {
  resolve!: (answer: Shared) => void;
  reject!: (error: unknown) => void;
  /** The call that it is in; `undefined` while it waits for one. */
  call: SharedCall<U> | undefined;
  readonly answer: Promise<Shared>;
  #isBegun = false;

  constructor(
    readonly run: UploadRun<U>,
    readonly text: string,
    readonly attempt: number,
    private readonly begun: () => void,
  ) {
    this.answer = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
  }

  /** Its call is about to be made. */
  begin(): void {
    if (this.#isBegun) return;
    this.#isBegun = true;
    this.begun();
    this.run.progress.begin("embed", "embedding", this.attempt);
  }
}

/**
 * Has a text embedded together with those of other uploads that wait for the same.
 *
 * @throws UploadError, Interrupted
 */
export async function embedTogether<U extends UploadRecord>(
  run: UploadRun<U>,
  text: string,
  attempt: number,
  begun: () => void,
): Promise<Shared> {
  const { signal, settings } = run;
  run.failedTogether = false;
  const asking = settings.run?.ready(signal);
  if (asking !== undefined) await asking;
  throwIfInterrupted(signal);
  const coalescer = coalescerOf(settings);
  const joined = new Joined(run, text, attempt, begun);
  const leave = () => {
    if (coalescer.remove(joined)) joined.reject(new Interrupted());
    else joined.call?.leave(joined);
  };
  signal.addEventListener("abort", leave, { once: true });
  coalescer.add(joined);
  try {
    return await joined.answer;
  } finally {
    signal.removeEventListener("abort", leave);
  }
}

/** One for each adapter of a runtime. */
function coalescerOf<U extends UploadRecord>({ ai, runtime }: Settings<U>): Coalescer<Joined<U>> {
  const known = runtime.coalescers.get(ai) as Coalescer<Joined<U>> | undefined;
  if (known !== undefined) return known;
  const { maxSize = 64, maxWaitMs = 5 } = ai.embedBatch ?? {};
  const slot = runtime.limiter("embed", ai.concurrency?.embed);
  const make = async (call: SharedCall<U>) => {
    for (const part of await call.make()) {
      // In a slot of its own, and not before this one is free.
      const again = new SharedCall(ai, part);
      slot.run(again.cancellation, () => make(again)).catch(() => {}); // everybody has left
    }
  };
  const coalescer = new Coalescer<Joined<U>>({
    maxSize,
    maxWaitMs,
    slot,
    belongTogether,
    mostWith: (joined) => mostWith(joined) ?? maxSize,
    call: (members) => make(new SharedCall(ai, members)),
  });
  runtime.coalescers.set(ai, coalescer);
  return coalescer;
}

/** How many a text that has failed with others goes with: with nobody to come back for it, its last attempt is made alone. */
function mostWith<U extends UploadRecord>({ run, attempt }: Joined<U>): number | undefined {
  const { memory, comesBack, retry } = run.settings;
  const failed = memory.failedTogether.get(run.id);
  return failed !== undefined && !comesBack && attempt >= retry.maxAttempts ? 1 : failed?.most;
}

/** What a call is bounded and paid by has to be the same for all that are in it. */
function belongTogether<U extends UploadRecord>(
  { run: { settings: a } }: Joined<U>,
  { run: { settings: b } }: Joined<U>,
) {
  return a.comesBack === b.comesBack && a.timeouts.embedMs === b.timeouts.embedMs && a.run?.budget === b.run?.budget;
}
