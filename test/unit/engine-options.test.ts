import { expect, test } from "vitest";
import { ConfigurationError, createRuntime, type UploadRecord } from "../../src/index.js";
import { processorOf } from "../../src/integrations/bullmq/processor.js";
import { type EngineOptions, UploadWork } from "../../src/integrations/engine/upload-work.js";
import { uploadOf, worldOf } from "../support/fakes.js";

const workOf = (world: ReturnType<typeof worldOf>, options: object) =>
  new UploadWork<UploadRecord>(world, options as EngineOptions<UploadRecord>, () => {});

test.each([
  [{ concurrency: 3 }, "options.concurrency: unknown; how many uploads are in work at once is an option of the engine"],
  [{ limits: { describe: 1 } }, "options.limits: unknown; make a runtime of it, with createRuntime"],
  [{ breaker: false }, "options.breaker: unknown; make a runtime of it, with createRuntime"],
  [{ budget: { limit: 1 } }, "options.budget: unknown; make a runtime of it, with createRuntime"],
  [{ storage: {} }, "options.storage: unknown; adapters are an argument of their own"],
  [{ ai: {} }, "options.ai: unknown; adapters are an argument of their own"],
  [{ repository: {} }, "options.repository: unknown; adapters are an argument of their own"],
  [{ timeout: 5 }, 'options.timeout: unknown; did you mean "timeouts"?'],
])("jobs do not take %j, which a processor or nobody takes", (options, message) => {
  const make = () => workOf(worldOf([]), options);
  expect(make).toThrow(ConfigurationError);
  expect(make).toThrow(message);
});

test("the refusal lists what jobs take, and nothing else", () => {
  const [, known = ""] = /Known are (.*)$/.exec(messageOf(() => workOf(worldOf([]), { limits: {} }))) ?? [];
  const names = known.split(", ");
  expect(names).toContain("onBatchSettled");
  for (const name of ["limits", "concurrency", "signal", "attempt"]) expect(names).not.toContain(name);
  const runtime = createRuntime();
  const given = names.map((name) => [name, name === "runtime" ? runtime : undefined]);
  expect(() => workOf(worldOf([]), Object.fromEntries(given))).not.toThrow();
});

test("a job of BullMQ that has made all its attempts, and is retried by hand, is at its last attempt", async () => {
  const world = worldOf([uploadOf("a")]);
  const process = processorOf(workOf(world, { thumbnail: false }));
  const job = { id: "1", timestamp: 1, data: { uploadId: "a" }, attemptsMade: 3, opts: { attempts: 3 } };
  expect(await process(job as never, "token", undefined)).toMatchObject({ status: "completed" });
});

function messageOf(refused: () => unknown): string {
  try {
    refused();
    return "";
  } catch (error) {
    return (error as Error).message;
  }
}
