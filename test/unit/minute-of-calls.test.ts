import { expect, test, vi } from "vitest";
import { memoryRepository, memoryStorage } from "../../src/adapters/memory.js";
import { type AIAdapter, createRuntime, fallbackAI, processUploadWithRetry } from "../../src/index.js";
import { settled, useFakeTime } from "../support/fake-time.js";
import { jpeg } from "../support/image.js";

useFakeTime();

const poor = { check: () => ({ ok: false, score: 0, issues: [] }), maxAsks: 2 };

test.each<[string, (describe: AIAdapter["describe"]) => AIAdapter]>([
  ["every ask of an audit", (describe) => ({ describe, audit: poor })],
  ["every model of a chain", (describe) => fallbackAI([{ describe, audit: { ...poor, maxAsks: 1 } }, { describe }])],
])("a minute counts %s", async (_, adapterOf) => {
  const times: number[] = [];
  const begunAt = Date.now();
  const describe = vi.fn(async () => {
    times.push(Date.now() - begunAt);
    return "words";
  });
  const ids = ["a", "b"];
  const repository = memoryRepository({
    uploads: ids.map((id) => ({ id, storageKey: "o", status: "pending" as const })),
  });
  const adapters = { storage: memoryStorage([["o", jpeg]]), repository, ai: adapterOf(describe) };
  const runtime = createRuntime({ limits: { describe: { perMinute: 2 } } });
  const options = { runtime, thumbnail: false } as const;
  await settled(Promise.all(ids.map((id) => processUploadWithRetry(id, adapters, options))));
  expect(describe).toHaveBeenCalledTimes(4);
  expect(times.filter((ms) => ms < 59_000)).toHaveLength(2);
});
