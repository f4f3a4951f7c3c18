import { getEventListeners } from "node:events";
import { setTimeout as later } from "node:timers/promises";
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { aiSdk } from "../../src/adapters/ai-sdk.js";
import { memoryRepository } from "../../src/adapters/memory.js";
import { BatchProcessor, type BreakerOptions, type UploadRecord } from "../../src/index.js";
import { fakeContext, fakeMedia } from "../../src/testing/index.js";
import { adapterOver, MAJORS, type Major, majors } from "../support/ai-sdk-majors.js";
import { collectGarbage } from "../support/collect-garbage.js";
import { ids, jpeg, until } from "../support/fakes.js";
import {
  answered,
  cutOff,
  endlessStream,
  failed,
  failedInStream,
  hungUp,
  OpenAIServer,
  page,
  type Reply,
  stalled,
} from "../support/openai-server.js";

/** Real client packages over real HTTP: what an outage and a refused account do to a batch, and what many calls leave behind. */
const UPLOADS = 200;
const CONCURRENCY = 8;
const storage = { open: async () => ({ bytes: jpeg }), write: async () => {}, delete: async () => {} };

let server: OpenAIServer;
const printed = [vi.spyOn(console, "log"), vi.spyOn(console, "warn"), vi.spyOn(console, "error")];
const warned = vi.fn();
beforeAll(async () => {
  process.on("warning", warned);
  server = await OpenAIServer.start();
});
beforeEach(() => server.reset());
afterAll(async () => {
  process.off("warning", warned);
  for (const spy of [...printed, warned]) expect(spy).not.toHaveBeenCalled();
  await server.close();
});

/** A batch in work, and the moment when a fifth of it is done. */
function batchOver(major: Major, breaker: BreakerOptions) {
  const calls = { isDown: false, whileDown: 0 };
  const described = new Map<string, number>();
  const answer = answered();
  // Each upload is known by what is asked about it.
  server.chat = async (response, request) => {
    const id = request.body.messages?.[0]?.content[0]?.text ?? "";
    response.on("finish", () => described.set(id, (described.get(id) ?? 0) + 1));
    await later(10);
    return answer(response, request);
  };
  const provider = MAJORS[major]({
    name: "acme",
    baseURL: server.baseURL,
    includeUsage: true,
    fetch: (...request) => {
      if (calls.isDown) calls.whileDown++;
      return fetch(...request);
    },
  });
  const ai = aiSdk({
    model: provider("acme-vision"),
    embeddingModel: provider.textEmbeddingModel("acme-embed"),
    prompt: ({ upload }) => upload.id,
  });
  const repository = memoryRepository<UploadRecord>({
    uploads: ids(UPLOADS),
    batches: [{ id: "batch", status: "pending" }],
  });
  const options = { thumbnail: false as const, concurrency: CONCURRENCY, retry: { maxAttempts: 1 }, breaker };
  const processor = new BatchProcessor({ storage, ai, repository, ...options });
  const pauses: (string | undefined)[] = [];
  processor.on("batch:paused", ({ reason, error }) => pauses.push(reason, error?.code));
  processor.on("batch:resumed", () => pauses.push("resumed"));
  const reached = new Promise<void>((resolve) => {
    let settled = 0;
    processor.on("upload:settled", () => {
      if (++settled === UPLOADS / 5) resolve();
    });
  });
  return { processor, calls, described, pauses, reached };
}

describe.each(majors)("a model of specification %s", (major) => {
  // The newest for half a minute, the others for long enough to be asked again.
  const downMs = major === majors.at(-1) ? 30_000 : 5000;

  test(`is down for ${downMs / 1000} s in a batch of 200: nobody fails, and nothing finished is paid for twice`, async () => {
    const { processor, calls, described, pauses, reached } = batchOver(major, { cooldownMs: 2000 });
    const processing = processor.process("batch");
    await reached;
    calls.isDown = true;
    await server.close();
    await later(downMs);
    calls.isDown = false;
    await server.open();
    const result = await processing;
    expect(result).toMatchObject({ status: "completed", completed: UPLOADS, failed: 0 });
    // Descriptions and vectors are made by one service here: either may tell first that it is gone.
    expect(pauses).toEqual(["service", expect.stringMatching(/^(?:DESCRIBE|EMBED)_FAILED$/), "resumed"]);
    expect(calls.whileDown).toBeGreaterThan(0);
    expect(calls.whileDown).toBeLessThanOrEqual(40);
    expect([...described.keys()].sort()).toEqual(
      ids(UPLOADS)
        .map(({ id }) => id)
        .sort(),
    );
    // An answer that was cut off on its way was one for the server.
    const twice = [...described.values()].filter((times) => times > 1);
    expect(twice.length).toBeLessThanOrEqual(CONCURRENCY);
    expect(result.usage.inputTokens).toBeGreaterThanOrEqual(UPLOADS * 100);
  }, 120_000);

  test("has no quota left in a batch of 200: it is waited for", async () => {
    const { processor, calls, pauses, reached } = batchOver(major, { cooldownMs: 500 });
    const processing = processor.process("batch");
    await reached;
    const { chat } = server;
    calls.isDown = true;
    server.chat = failed(429, { code: "insufficient_quota", type: "insufficient_quota", message: "No quota" });
    await later(5000);
    calls.isDown = false;
    server.chat = chat;
    expect(await processing).toMatchObject({ status: "completed", completed: UPLOADS, failed: 0 });
    expect(pauses).toEqual(["account", "ACCOUNT_REFUSED", "resumed"]);
    // Those under way, the probes of 5 s, and embeddings of what was described before.
    expect(calls.whileDown).toBeLessThanOrEqual(3 * CONCURRENCY);
  });

  test("10,000 calls, the half of them well, leave nothing behind", async () => {
    const replies: readonly Reply[] = [
      failed(400),
      failed(503),
      failedInStream({ message: "Overloaded", type: "server_error" }, [1, 1]),
      endlessStream(),
      page(),
      cutOff(),
      hungUp(),
      stalled("in the answer"),
      answered({ text: "A", finish: "length" }),
    ];
    let call = 0;
    const good = answered("A cat.");
    server.chat = (response, request) => {
      const reply = call++ % 2 === 0 ? good : (replies[(((call - 1) / 2) % replies.length) | 0] ?? good);
      return reply(response, request);
    };
    const ai = adapterOver(major, server.baseURL);
    const { signal } = new AbortController(); // as long as the process
    const media = fakeMedia();
    const callOnce = async (index: number) => {
      if (index % 2 === 0) {
        await ai.embedText(`a cat ${index}`, { signal });
        return;
      }
      const controller = new AbortController();
      // What stalls is given up, as a stage's time-out does.
      const timer = setTimeout(() => controller.abort(), 100);
      await ai.describe(media, fakeContext({ signal: controller.signal })).catch(() => {});
      clearTimeout(timer);
    };
    let most = 0;
    const round = async (count: number) => {
      for (let begun = 0; begun < count; begun += 50) {
        const calls = Array.from({ length: 50 }, (_, index) => callOnce(begun + index));
        most = Math.max(most, getEventListeners(signal, "abort").length);
        await Promise.all(calls);
      }
      // Idle ones are closed after some seconds; one that is waited for in vain ends the test by its time limit. Before that, the
      // server may still come to a request that was given up.
      while ((await server.connections()) > 0) await later(200);
      await until(() => server.unanswered === 0);
      server.requests.length = 0;
    };
    await round(1000);
    const before = await stateOf();
    await round(9000);
    const after = await stateOf();
    expect(most).toBe(1);
    expect(getEventListeners(signal, "abort")).toEqual([]);
    expect(after.timers).toBeLessThanOrEqual(before.timers);
    // 9,000 calls that left a kilobyte each would be nine megabytes.
    expect(after.heap - before.heap).toBeLessThan(6_000_000);
  }, 240_000);
});

async function stateOf(): Promise<{ timers: number; heap: number }> {
  await collectGarbage();
  const timers = process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;
  return { timers, heap: process.memoryUsage().heapUsed };
}
