/** In milliseconds. */
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 30_000;

/**
 * How long a job waits that comes again, in milliseconds: as long as it was told, else longer with each delivery. Spread by up to a
 * fifth, upwards, so that those which wait for the same do not all come at once.
 *
 * @param deliveries of the job so far, this one included
 */
export function waitOf(retryAfterMs: number | undefined, deliveries: number): number {
  const wait = retryAfterMs ?? Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** Math.max(0, deliveries - 1));
  return Math.ceil(wait * (1 + Math.random() / 5));
}
