import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { bandsOf, Progress, type ProgressStep } from "../../src/pipeline/progress.js";
import { StageDurations } from "../../src/runtime/durations.js";
import { Ticker } from "../../src/runtime/ticker.js";

const bands = bandsOf([
  { name: "thumbnail", weight: 5 },
  { name: "describe", weight: 65 },
  { name: "embed", weight: 15 },
]);

let steps: ProgressStep[];
let durations: StageDurations;
let progress: Progress;

beforeEach(() => {
  vi.useFakeTimers();
  steps = [];
  durations = new StageDurations();
  progress = new Progress((report) => steps.push(progress.step(report)), bands, durations, new Ticker());
});

afterEach(() => {
  progress.halt();
  vi.useRealTimers();
});

test("an estimate never reaches the end of its band, however long the stage takes", () => {
  progress.begin("describe", "analyzing", 1);
  vi.advanceTimersByTime(24 * 3600_000);
  expect(steps.at(-1)).toMatchObject({ progress: 74, estimated: true });
});

test("the estimate follows what the stage took lately", () => {
  for (let call = 0; call < 20; call++) durations.add("describe", 1000);
  progress.begin("describe", "analyzing", 1);
  vi.advanceTimersByTime(1000);
  expect(steps.at(-1)?.progress).toBeGreaterThan(10 + 65 * 0.7);
});

test("once the adapter reports, nothing is estimated; a report that came too soon is told later", () => {
  progress.begin("describe", "analyzing", 1);
  progress.report(0.5, "half");
  progress.report(0.6, "more");
  vi.advanceTimersByTime(150);
  expect(steps.at(-1)).toMatchObject({ progress: 49, estimated: false, message: "more" });
  const told = steps.length;
  vi.advanceTimersByTime(60_000);
  expect(steps).toHaveLength(told);
});

test("the timer stands still when no stage runs", () => {
  progress.begin("embed", "embedding", 1);
  expect(vi.getTimerCount()).toBe(1);
  progress.end("embed");
  expect(vi.getTimerCount()).toBe(0);
  expect(steps.at(-1)?.progress).toBe(90);
});
