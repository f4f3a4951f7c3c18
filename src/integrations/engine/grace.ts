import { ConfigurationError } from "../../index.js";

/** How long work that is being closed may go on, in milliseconds. */
export const GRACE_MS = 10_000;
export const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** @throws ConfigurationError a grace that no timer can keep */
export function requireGrace(graceMs: number): void {
  if (graceMs >= 0 && graceMs <= LONGEST_TIMER_MS) return;
  throw new ConfigurationError(`graceMs: expected milliseconds from 0 to ${LONGEST_TIMER_MS}, got ${String(graceMs)}`);
}
