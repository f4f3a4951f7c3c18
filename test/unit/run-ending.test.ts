import { expect, test } from "vitest";
import { RunEnding } from "../../src/batch/run-ending.js";
import { createRuntime } from "../../src/index.js";
import type { SharedRuntime } from "../../src/runtime/runtime.js";

const endingOf = () => new RunEnding(createRuntime() as SharedRuntime);

test("uploads that are settled by others are given up; what is found in use behind that is waited for, and so is what could not be stored", () => {
  const ending = endingOf();
  const before = ending.givingUpBusy;
  ending.giveUpBusy();
  expect([before.aborted, ending.givingUpBusy.aborted]).toEqual([true, false]);
});

test("a run that begins nothing more waits for nobody", () => {
  const stopped = endingOf();
  stopped.stop();
  expect(stopped.givingUpBusy.aborted).toBe(true);
});
