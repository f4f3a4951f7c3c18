import { EventEmitter } from "node:events";
import { expect, test } from "vitest";
import { memoryRepository, memoryStorage } from "../../src/adapters/memory.js";
import {
  BatchProcessor,
  ConfigurationError,
  createRuntime,
  processUploadWithRetry,
  serializeEvent,
  settleBatch,
  UploadEventEmitter,
} from "../../src/index.js";
import { fakeAI, fakeMedia, fakeStorage, injectFaults } from "../../src/testing/index.js";
import { ids, uploadOf, worldOf } from "../support/fakes.js";

const check = async () => ({ ok: true, score: 1, issues: [] });
const scan = { name: "scan", run: async () => {} };

test.each<[object, string]>([
  [{ attempt: {} }, "attempt.number: expected an integer of at least 1, got undefined"],
  [{ attempt: { number: 1 } }, "attempt.max: expected an integer of at least 1, got undefined"],
  [{ attempt: { max: 3 } }, "attempt.number: expected an integer of at least 1, got undefined"],
  [{ attempt: { number: 4, max: 3 } }, "attempt.number: expected at most attempt.max, which is 3, got 4"],
  [{ attempt: null }, "attempt: expected an object, got null"],
  [{ rerun: { mode: "retry" } }, 'rerun.name: expected a text; without a name hand in the mode alone, such as "retry"'],
  [{ rerun: { name: "a" } }, 'rerun.mode: expected "retry", "reprocess" or "reprocess-all", got undefined'],
  [{ events: new EventEmitter() }, "events: expected an UploadEventEmitter, got an object"],
])("%j of a call is refused", async (options, message) => {
  const world = worldOf([uploadOf("a")]);
  const refusal = processUploadWithRetry("a", world, options as never);
  await expect(refusal).rejects.toThrow(ConfigurationError);
  await expect(refusal).rejects.toThrow(message);
  expect(await world.repository.findUpload("a")).toEqual(uploadOf("a"));
});

test.each<[object, string]>([
  [{ input: { allow: "image/jpeg" } }, "input.allow: expected an array of MIME types"],
  [{ input: { allow: [] } }, "input.allow: expected at least one MIME type, got []"],
  [{ input: { allow: ["image/png", "jpeg"] } }, "input.allow[1]: expected a MIME type in lower case"],
  [{ input: { allow: ["image/JPEG"] } }, "input.allow[0]: expected a MIME type in lower case"],
  [{ input: { allow: ["image/jpg"] } }, 'input.allow[0]: expected the registered name "image/jpeg", got "image/jpg"'],
  [{ input: { allow: null } }, "input.allow: expected an array of MIME types"],
  [{ thumbnail: { background: "#12" } }, 'thumbnail.background: expected a colour such as "#ffffff"'],
  [{ thumbnail: { background: "lab(1 2 3)" } }, 'thumbnail.background: expected a colour such as "#ffffff"'],
  [{ thumbnail: { background: "" } }, 'thumbnail.background: expected a colour such as "#ffffff"'],
  [{ audit: { check, maxAsk: 3 } }, 'audit.maxAsk: unknown; did you mean "maxAsks"?'],
  [{ stages: [{ ...scan, required: "no" }] }, 'stages[0].required: expected true or false, got "no"'],
  [{ logger: null }, "logger: expected an object, got null"],
  [{ concurrency: null }, "concurrency: expected an integer of at least 1, got null"],
  [{ retry: { maxAttempts: null } }, "retry.maxAttempts: expected an integer of at least 1, got null"],
  [{ timeouts: { embedMs: null } }, "timeouts.embedMs: expected milliseconds"],
  [
    { retry: { maxTimeout: 500 } },
    "retry.maxTimeout: expected a number of at least retry.minTimeout, which is 1000, got 500",
  ],
  [
    { retry: { maxRetryAfterMs: Number.POSITIVE_INFINITY } },
    "retry.maxRetryAfterMs: expected a finite number of at least 0, got Infinity",
  ],
  [
    { runtime: createRuntime(), limits: { describe: 1 } },
    "runtime and limits are both given: put limits into createRuntime({ … })",
  ],
  [
    { runtime: createRuntime(), limits: {}, budget: { limit: 1 } },
    "runtime and limits, budget are given together: put limits, budget into createRuntime({ … })",
  ],
])("%j of a processor is refused", (options, message) => {
  const make = () => new BatchProcessor({ ...worldOf([]), ...(options as object) });
  expect(make).toThrow(ConfigurationError);
  expect(make).toThrow(message);
});

test("what is right passes", () => {
  class Audit {
    readonly threshold = 1;
    check = check;
  }
  for (const options of [
    { input: { allow: ["image/jpeg", "image/svg+xml", "video/x-matroska"] } },
    { audit: new Audit() },
    { logger: undefined },
    { concurrency: undefined },
    { vision: { multipleOf: 2000 } },
    { stages: [{ ...scan, required: false }] },
    ...[
      "#fff",
      "#FFFA",
      "#a0b1c2",
      "#a0b1c2d3",
      "white",
      "rgb(1, 2, 3)",
      "rgba(1 2 3 / 50%)",
      "hsl(120, 50%, 50%)",
    ].map((background) => ({ thumbnail: { background } })),
  ])
    expect(() => new BatchProcessor({ ...worldOf([]), ...(options as object) })).not.toThrow();
});

test("events take the emitter of another copy of the package", async () => {
  const events = new UploadEventEmitter();
  const seen: unknown[] = [];
  events.on("upload:settled", ({ status }) => seen.push(status));
  const foreign = { emit: events.emit.bind(events), listenerCount: events.listenerCount.bind(events) };
  await processUploadWithRetry("a", worldOf([uploadOf("a")]), { events: foreign as never });
  expect(seen).toEqual(["completed"]);
});

test("a background that sharp does not know is the deployment's fault, and no upload fails by it", async () => {
  const world = worldOf(ids(2));
  const processor = new BatchProcessor({ ...world, thumbnail: { background: "nocolour" } });
  const result = await processor.process("batch");
  expect(result).toMatchObject({ status: "failed", failed: 0 });
  expect(result.error).toMatchObject({
    code: "INVALID_CONFIGURATION",
    message: 'thumbnail.background: sharp knows no colour "nocolour"',
  });
  expect(await world.repository.findUpload("u0000")).toMatchObject({ status: "pending" });
});

test("methods of a processor name what they refuse", async () => {
  const processor = new BatchProcessor({ ...worldOf(ids(1)), thumbnail: false });
  const refusals: [() => Promise<unknown>, string][] = [
    [
      () => processor.recover({ statuses: ["failed", "open"] as never }),
      'statuses[1]: expected one of pending, processing, completed, failed, cancelled, got "open"',
    ],
    [() => processor.recover({ statuses: "failed" as never }), 'statuses: expected an array, got "failed"'],
    [
      () => processor.plan({ statuses: ["open"] } as never, "retry"),
      'selection.statuses[0]: expected one of pending, analyzing, embedding, completed, failed, got "open"',
    ],
    [() => processor.plan({ ids: ["a", 5] } as never, "retry"), "selection.ids[1]: expected a text, got 5"],
    [
      () => processor.plan({ all: true, batchId: "b" } as never, "retry"),
      "selection: expected { all: true } alone, got { all, batchId }",
    ],
    [() => processor.undo({ all: false } as never), "selection: expected { all: true } alone, got { all: false }"],
  ];
  for (const [refusal, message] of refusals) {
    await expect(refusal()).rejects.toThrow(ConfigurationError);
    await expect(refusal()).rejects.toThrow(message);
  }
});

test("methods that need batches say so, and which functions are lacking", async () => {
  const { storage, ai, repository } = worldOf([]);
  const { findUpload, updateUpload, findBatch } = repository;
  const single = { findUpload, updateUpload, findBatch };
  const processor = new BatchProcessor({ storage, ai, repository: single });
  const needs = "needs a repository with batches; adapters.repository lacks the functions updateBatch, listUploads";
  await expect(processor.process("batch")).rejects.toThrow(`process ${needs}`);
  await expect(processor.recover()).rejects.toThrow(`recover ${needs}`);
  await expect(processor.rerun({ all: true }, "retry")).rejects.toThrow(`rerun ${needs}`);
  await expect(processor.plan({ all: true }, "retry")).rejects.toThrow(`plan ${needs}`);
  await expect(processor.undo({ all: true })).rejects.toThrow(`undo ${needs}`);
  await expect(settleBatch(single as never, "batch")).rejects.toThrow(`settleBatch ${needs}`);
});

test.each<[string, () => unknown, string]>([
  ["addBudget without a budget", () => createRuntime().addBudget(5), "addBudget: this runtime has no budget"],
  [
    "addBudget of nothing",
    () => createRuntime({ budget: { limit: 1 } }).addBudget(undefined as never),
    "addBudget: expected a number of at least 0, got undefined",
  ],
  [
    "memoryRepository",
    () => memoryRepository({ uploads: {} as never }),
    "memoryRepository.uploads: expected an array of records with ids",
  ],
  [
    "memoryRepository, a record",
    () => memoryRepository({ uploads: [uploadOf("a"), {}] as never }),
    "memoryRepository.uploads: expected an array of records with ids",
  ],
  [
    "memoryRepository, batches",
    () => memoryRepository({ batches: "b" as never }),
    "memoryRepository.batches: expected an array of records with ids",
  ],
  ["memoryStorage", () => memoryStorage({} as never), "memoryStorage: expected pairs of key and bytes, or a Map"],
  ["fakeAI", () => fakeAI({ dimension: 3 } as never), 'fakeAI.dimension: unknown; did you mean "dimensions"?'],
  ["fakeStorage", () => fakeStorage({ object: [] } as never), "fakeStorage.object: unknown; did you mean"],
  ["fakeMedia", () => fakeMedia(undefined, { mimetype: "a/b" } as never), "fakeMedia.mimetype: unknown; did you mean"],
  ["a script", () => fakeAI().script.embed.hangs({ delay: 5 } as never), "script.delay: unknown; did you mean"],
  ["injectFaults", () => injectFaults({}, { rates: 1 } as never), "injectFaults.rates: unknown; did you mean"],
  [
    "serializeEvent",
    () => serializeEvent({ type: "upload:setled", at: 1 } as never),
    'serializeEvent: expected an event with a known type, got "upload:setled"',
  ],
  [
    "serializeEvent of a result",
    () => serializeEvent({ type: "upload:settled", status: "done", at: 1 } as never),
    'serializeEvent: event.status: expected the status of a result, got "done"',
  ],
  ["serializeEvent of nothing", () => serializeEvent(null as never), "serializeEvent: event: expected an object"],
])("%s refuses what it cannot work with", (_, refusal, message) => {
  expect(refusal).toThrow(ConfigurationError);
  expect(refusal).toThrow(message);
});
