import { afterEach, beforeEach, vi } from "vitest";

/** Lets each test of the file run by a clock that only `settled` moves. */
export function useFakeTime(): void {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });
}

/**
 * Lets the time pass until the work is done: from one timer to the next, so that no time passes without anything to do.
 *
 * @throws Error when it is not done by then, by the fake clock
 */
export async function settled<T>(work: Promise<T>, limitMs = 4 * 3_600_000): Promise<T> {
  let done = false;
  const ended = work.finally(() => {
    done = true;
  });
  ended.catch(() => {});
  const begunAt = Date.now();
  while (!done) {
    if (Date.now() - begunAt > limitMs) throw new Error(`not done after ${limitMs} ms`);
    await vi.advanceTimersToNextTimerAsync();
  }
  return ended;
}
