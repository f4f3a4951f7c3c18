import { expect, test, vi } from "vitest";
import { type Admission, admit } from "../../src/pipeline/admit-call.js";
import type { Ticket } from "../../src/runtime/breaker.js";
import { deferred, until } from "../support/fakes.js";

const ticket: Ticket = { uploadId: "a", began: 1, isProbe: true };

/** Tells in which order a call passes what it has to. */
function admissionOf(own: Partial<Admission> = {}) {
  const told: string[] = [];
  const telling = <T>(name: string, answer: T) => {
    told.push(name);
    return answer;
  };
  const leave = vi.fn();
  const admission: Admission = {
    enter: () => telling("enter", ticket),
    release: () => telling("release", undefined),
    reserve: () => telling("reserve", leave),
    confirm: () => telling("confirm", undefined),
    isDoubtful: () => false,
    refusal: () => undefined,
    ...own,
  };
  return { admission, told, leave };
}

test("neither the breaker nor the budget is held while a repository is waited for", async () => {
  const repository = deferred();
  let isConfirming = false;
  const { admission, told, leave } = admissionOf({
    confirm: () => {
      isConfirming = true;
      return repository.promise;
    },
  });
  const admitting = admit(admission);
  await until(() => isConfirming);
  expect(told).toEqual([]);
  repository.resolve();
  expect(await admitting).toEqual({ ticket, leave });
  expect(told).toEqual(["enter", "reserve"]);
});

test("a claim that has become doubtful in the queue is confirmed once more, with nothing in hand", async () => {
  let doubts = 0;
  const { admission, told, leave } = admissionOf({ enter: async () => ticket, isDoubtful: () => doubts++ === 0 });
  await admit(admission);
  expect(told).toEqual(["confirm", "reserve", "release", "confirm", "reserve"]);
  expect(leave.mock.calls).toEqual([[0]]);
});

test("what refuses the call when there is room gives back what was taken", async () => {
  const refused = new Error("no price");
  const { admission, told, leave } = admissionOf({ refusal: () => refused as never });
  await expect(admit(admission)).rejects.toBe(refused);
  expect(told).toEqual(["confirm", "enter", "reserve", "release"]);
  expect(leave.mock.calls).toEqual([[0]]);
});
