import { expect, test } from "vitest";
import { RunEnding } from "../../src/batch/run-ending.js";
import { createRuntime, UploadError } from "../../src/index.js";
import type { SharedRuntime } from "../../src/runtime/runtime.js";

const endingOf = () => new RunEnding(createRuntime() as SharedRuntime);

test("what is waited for is given up when others have settled it; what is found in use behind that is waited for", () => {
  const ending = endingOf();
  const before = ending.givingUpBusy;
  ending.giveUpBusy();
  expect([before.aborted, ending.givingUpBusy.aborted]).toEqual([true, false]);
});

test("a run that begins nothing more, or has failed, waits for nobody", () => {
  const [stopped, failed] = [endingOf(), endingOf()];
  stopped.stop();
  failed.fail(new UploadError("the disk is full", { code: "REPOSITORY_FAILED" }));
  expect([stopped.givingUpBusy.aborted, failed.givingUpBusy.aborted]).toEqual([true, true]);
});
