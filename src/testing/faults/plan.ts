import { ConfigurationError } from "../../errors.js";

/**
 * What can go wrong with a call.
 *
 * - `"error-before"`: it fails without having done anything. `"error-after"`: it does its work and fails: the answer was lost.
 * - `"latency"`: it takes up to `latencyMs` longer. `"hang"`: it does nothing and never answers, until its signal is aborted.
 * - `"slow-stream"`, `"truncated-read"`: what `open` opens comes slowly, or ends early and nothing tells so.
 * - `"stale-read"`: a find, list or count answers as it did when it was last asked the same.
 */
export type FaultKind = keyof typeof APPLIES;

export const OPENS = /^open$/;
export const READS = /^(?:find|list|count)/;
export const APPLIES = {
  "error-before": /^/,
  "error-after": /^/,
  latency: /^/,
  hang: /^/,
  "slow-stream": OPENS,
  "truncated-read": OPENS,
  "stale-read": READS,
};

/** One call of a wrapped method. */
export interface FaultCall<Method extends string = string> {
  readonly method: Method;
  /** 1-based, among the calls of this method. */
  readonly number: number;
  readonly args: readonly unknown[];
}

/** A call that went wrong. */
export interface Fault<Method extends string = string> extends FaultCall<Method> {
  readonly kind: FaultKind;
}

/** What goes wrong, how often. */
export interface FaultPlan<Method extends string = string> {
  /** The same seed and the same calls, the same faults. @default a random one, which every message names */
  readonly seed?: number | undefined;
  /** How many calls go wrong, from 0 to 1: of each method of the contracts, or by their names. @default 0.1 */
  readonly rate?: number | { readonly [Name in Method]?: number } | undefined;
  /** What can go wrong; a kind that does not fit a method is left out for it. @default error-before, error-after, latency */
  readonly kinds?: readonly FaultKind[] | undefined;
  /** The longest delay of a call, and how long a slow stream takes, in milliseconds. @default 50 */
  readonly latencyMs?: number | undefined;
  /** Decides by itself: a kind, `true` for one by the seed, `false` for none; `undefined` leaves it to the `rate`. */
  readonly shouldFail?: ((call: FaultCall<Method>) => FaultKind | boolean | undefined) | undefined;
  /** Makes the error that is thrown. Keep the message: it names the seed. @default an Error, which counts as retryable */
  readonly error?: ((message: string, call: FaultCall<Method>) => unknown) | undefined;
}

export function checkRate(rate: number, method: string): void {
  if (rate >= 0 && rate <= 1) return;
  throw new ConfigurationError(`rate: expected a number from 0 to 1 for ${method}, got ${rate}`);
}

export const KINDS = `one of ${Object.keys(APPLIES).join(", ")}`;

export function isKind(kind: unknown): kind is FaultKind {
  return typeof kind === "string" && Object.hasOwn(APPLIES, kind);
}
