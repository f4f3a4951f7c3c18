import { expect, test } from "vitest";
import { Ledger, UsageSum } from "../../src/runtime/ledger.js";

const readUsage = (told: unknown) => new UsageSum().read(told).toUsage();

test("sums up over all stages and by stage, frozen", () => {
  const ledger = new Ledger();
  ledger.book("describe", new UsageSum().read({ inputTokens: 10, requests: 1, cost: 0.5, model: "big" }));
  ledger.book("describe", new UsageSum().read({ inputTokens: 5, outputTokens: 2, requests: 1 }));
  ledger.book("embed", new UsageSum().read({ inputTokens: 1, requests: 1, cost: 0.25, model: "small" }));
  expect(ledger.usage).toEqual({ inputTokens: 16, outputTokens: 2, requests: 3, cost: 0.75, model: "small" });
  const byStage = {
    describe: { inputTokens: 15, outputTokens: 2, requests: 2, cost: 0.5, model: "big" },
    embed: { inputTokens: 1, requests: 1, cost: 0.25, model: "small" },
  };
  expect(ledger.usageByStage).toEqual(byStage);
  for (const told of [ledger.usage, ledger.usageByStage, ledger.usageByStage.embed])
    expect(Object.isFrozen(told)).toBe(true);
});

test("is empty before anything is booked", () => {
  const ledger = new Ledger();
  expect(ledger.usage).toEqual({});
  expect(ledger.usageByStage).toEqual({});
  expect(ledger.of("describe")).toBeUndefined();
});

test("what is below nothing is no usage: a budget would get it back", () => {
  const told = { inputTokens: -5, outputTokens: 3, images: -1, cost: -1 };
  expect(readUsage(told)).toEqual({ outputTokens: 3 });
});

test("of what an adapter tells, finite numbers and the model's name are read, and nothing else", () => {
  const told = {
    inputTokens: Number.NaN,
    outputTokens: Number.POSITIVE_INFINITY,
    totalTokens: "12",
    requests: 2,
    images: 0,
    durationMs: null,
    cost: 0.5,
    model: "m1",
    promptTokens: 7,
  };
  expect(readUsage(told)).toEqual({ requests: 2, images: 0, cost: 0.5, model: "m1" });
  for (const nothing of [undefined, null, "12 tokens", 12, []]) expect(readUsage(nothing)).toEqual({});
  expect(readUsage({ model: 4 })).toEqual({});
});
