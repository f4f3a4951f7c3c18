import { setMaxListeners } from "node:events";
import type { Cancellation, Stoppable } from "./cancellation.js";
import { LazyTimer } from "./lazy-timer.js";

/** Thrown where work stops because its signal was aborted: the reason stands on the signal, and need not be an error. */
export class Interrupted extends Error {
  override readonly name = "Interrupted";
}

/** @throws Interrupted when the signal is aborted */
export function throwIfInterrupted(signal: Stoppable): void {
  if (signal.aborted) throw new Interrupted();
}

/** setTimeout takes no more: longer ones would fire at once. In milliseconds. */
export const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** Waits, at most as long as a timer can; an abort ends the wait at once. @throws Interrupted */
export function sleep(ms: number, signal: Stoppable): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(new Interrupted());
    const onAbort = () => {
      clearTimeout(timer);
      reject(new Interrupted());
    };
    const onTime = () => {
      signal.removeEventListener("abort", onAbort);
      resolve();
    };
    const timer = setTimeout(onTime, Math.min(ms, LONGEST_TIMER_MS));
    signal.addEventListener("abort", onAbort, { once: true });
  });
}

/**
 * Rejects with `timeoutError()` when the work is not done in time, and with `Interrupted` when the signal is aborted meanwhile; what
 * the work does later is dropped.
 */
export function withTimeout<T>(
  work: Promise<T>,
  ms: number,
  timeoutError: () => Error,
  signal?: Stoppable,
): Promise<T> {
  return new Promise((resolve, reject) => settleInTime(work, ms, timeoutError, resolve, reject, signal));
}

/** As `withTimeout`, for who makes the promise anyway: calls one of the two, once. */
export function settleInTime<T>(
  work: Promise<T>,
  ms: number,
  timeoutError: () => Error,
  done: (result: T) => void,
  failed: (thrown: unknown) => void,
  signal?: Stoppable,
): void {
  let isOver = false;
  // Begun all the same under a signal that is aborted already: then it is to be done to its end.
  let heeded = signal?.aborted === false ? signal : undefined;
  const giveUp = (error: Error) => {
    if (end()) failed(error);
    isOver = true;
  };
  const onAbort = () => giveUp(new Interrupted());
  let isListening = false;
  // Most work is done before the turn of the event loop is over: else there are a timer and a listener.
  const timer = new LazyTimer(() => {
    if (heeded?.aborted) queueMicrotask(onAbort);
    isListening = true;
    heeded?.addEventListener("abort", onAbort, { once: true });
    return setTimeout(() => giveUp(timeoutError()), ms);
  });
  const end = () => {
    timer.clear();
    if (isListening) heeded?.removeEventListener("abort", onAbort);
    heeded = undefined;
    return !isOver;
  };
  // An adapter in JavaScript may answer without a promise.
  Promise.resolve(work).then(
    (result) => {
      if (end()) done(result);
    },
    (thrown: unknown) => {
      if (end()) failed(thrown);
    },
  );
}

/** Waits for work that goes on when the signal is aborted, and then not any longer. @throws Interrupted */
export function unlessAborted<T>(work: Promise<T>, signal: Stoppable): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(new Interrupted());
    if (signal.aborted) onAbort();
    signal.addEventListener("abort", onAbort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}

/** A signal that is never aborted, for waits that nobody may cut short. */
export const NEVER: AbortSignal = quietController().signal;

/** A controller whose signal many may listen to without a warning of a leak: for what is ours, never for a caller's. */
export function quietController(): AbortController {
  const controller = new AbortController();
  setMaxListeners(0, controller.signal);
  return controller;
}

type Abortable = Pick<Cancellation, "abort">;

/** Who is to be told of the abort of a caller's signal, and the one listener that tells them. */
const forwarders = new WeakMap<AbortSignal, { readonly targets: Set<Abortable>; readonly listener: () => void }>();

/**
 * Passes an abort on; returns what ends that. However many runs share a caller's signal, it gets one listener, which goes
 * with the last of them.
 */
export function forwardAbort(from: AbortSignal | undefined, to: Abortable): () => void {
  if (from === undefined) return () => {};
  if (from.aborted) to.abort(from.reason);
  let forwarder = forwarders.get(from);
  if (forwarder === undefined) {
    const targets = new Set<Abortable>();
    const listener = () => {
      for (const target of targets) target.abort(from.reason);
    };
    forwarder = { targets, listener };
    forwarders.set(from, forwarder);
    from.addEventListener("abort", listener, { once: true });
  }
  const { targets, listener } = forwarder;
  targets.add(to);
  return () => {
    targets.delete(to);
    if (targets.size > 0) return;
    from.removeEventListener("abort", listener);
    forwarders.delete(from);
  };
}
