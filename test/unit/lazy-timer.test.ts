import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { LazyTimer } from "../../src/async/lazy-timer.js";
import { withTimeout } from "../../src/async/time.js";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

test("is set when the turn is over", async () => {
  const fired = vi.fn();
  const set = vi.fn(() => setTimeout(fired, 1000));
  const timer = new LazyTimer(set);
  expect(set).not.toHaveBeenCalled();
  await vi.advanceTimersByTimeAsync(1);
  expect(set).toHaveBeenCalledTimes(1);
  await vi.advanceTimersByTimeAsync(1000);
  expect(fired).toHaveBeenCalledTimes(1);
  timer.clear();
  expect(vi.getTimerCount()).toBe(0);
});

test("is never set when it is cleared in the same turn, and leaves nothing behind", async () => {
  const set = vi.fn(() => setTimeout(() => {}, 1000));
  const timers = [new LazyTimer(set), new LazyTimer(set)];
  for (const timer of timers) timer.clear();
  expect(vi.getTimerCount()).toBe(0);
  await vi.advanceTimersByTimeAsync(10);
  expect(set).not.toHaveBeenCalled();
});

test("what is cleared by the setting of another is not set", async () => {
  const set = vi.fn(() => setTimeout(() => {}, 1000));
  const timers: LazyTimer[] = [];
  const clearing = new LazyTimer(() => {
    for (const each of timers) each.clear();
    return setTimeout(() => {}, 1000);
  });
  timers.push(new LazyTimer(set));
  await vi.advanceTimersByTimeAsync(1);
  expect(set).not.toHaveBeenCalled();
  clearing.clear();
  expect(vi.getTimerCount()).toBe(0);
});

test("timers of a clock that was taken away hold nobody up", async () => {
  new LazyTimer(() => setTimeout(() => {}, 1000));
  vi.useRealTimers(); // what was to come by the fake clock never does
  vi.useFakeTimers();
  const late = withTimeout(new Promise(() => {}), 50, () => new Error("too late"));
  late.catch(() => {});
  await vi.advanceTimersByTimeAsync(100);
  await expect(late).rejects.toThrow("too late");
});
