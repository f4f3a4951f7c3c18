import { getEventListeners } from "node:events";
import { setTimeout as later } from "node:timers/promises";
import { afterEach, beforeEach, expect, type MockInstance, onTestFinished, test, vi } from "vitest";
import { memoryRepository } from "../../src/adapters/memory.js";
import { ollama } from "../../src/adapters/ollama.js";
import { BatchProcessor, type UploadRecord } from "../../src/index.js";
import { fakeContext, fakeMedia } from "../../src/testing/index.js";
import { collectGarbage } from "../support/collect-garbage.js";
import { ids, jpeg } from "../support/fakes.js";
import { chat, failure, hangUp, OllamaServer, page, type Reply } from "../support/ollama-server.js";

const MODELS = { model: "qwen2.5vl:7b", embeddingModel: "nomic-embed-text" };
const STORAGE = { open: async () => ({ bytes: jpeg }), write: async () => {}, delete: async () => {} };
const UPLOADS = 200;

/** How calls are answered, one after the other; `undefined`: well. */
const FAILURES: readonly (Reply | undefined)[] = [
  undefined,
  chat([{ content: "A cat" }], { error: "an error was encountered while running the model" }),
  chat([{ content: "A cat" }], "cut"),
  chat([{ content: "A cat" }]),
  chat([{ content: "A cat" }], "hang"),
  failure(500, "llama runner process has terminated"),
  page(200),
  hangUp,
];
const HANGS = 4;

let printed: MockInstance[];
beforeEach(() => {
  printed = (["log", "info", "warn", "error"] as const).map((name) => vi.spyOn(console, name).mockReturnValue());
});
/** Neither by the library nor by the client. */
afterEach(() => {
  const lines = printed.flatMap(({ mock }) => mock.calls);
  vi.restoreAllMocks();
  expect(lines).toEqual([]);
});

async function batchOf(concurrency: number) {
  const server = await OllamaServer.start();
  onTestFinished(() => server.close());
  server.latencyMs.chat = 20;
  server.latencyMs.embed = 5;
  const batches = [{ id: "batch", status: "pending" } as const];
  const repository = memoryRepository<UploadRecord>({ uploads: ids(UPLOADS), batches });
  const model = ollama({ host: server.url, ...MODELS, prompt: ({ upload }) => `Describe ${upload.id}` });
  let whileDown = 0;
  const ai: typeof model = {
    ...model,
    describe(media, context) {
      if (!server.isOpen) whileDown++;
      return model.describe(media, context);
    },
  };
  const processor = new BatchProcessor({
    ...{ storage: STORAGE, ai, repository, thumbnail: false, concurrency },
    retry: { maxAttempts: 1 },
    breaker: { cooldownMs: 2000 },
  });
  const pauses: string[] = [];
  processor.on("batch:paused", ({ reason }) => pauses.push(reason));
  processor.on("batch:resumed", () => pauses.push("resumed"));
  let settled = 0;
  const reached = new Promise<void>((resolve) => {
    processor.on("upload:settled", () => {
      if (++settled === UPLOADS / 5) resolve();
    });
  });
  return { server, processor, pauses, reached, whileDown: () => whileDown };
}

test.each([
  [5, 1],
  [30, 16],
])(
  "the server is gone for %i s in mid-batch, %i uploads at once: all are completed, and nothing is done twice",
  async (seconds, concurrency) => {
    const { server, processor, pauses, reached, whileDown } = await batchOf(concurrency);
    const processing = processor.process("batch");
    await reached;
    await server.close();
    await later(seconds * 1000);
    await server.open();
    expect(await processing).toMatchObject({ status: "completed", completed: UPLOADS, failed: 0 });
    expect(pauses).toEqual(["service", "resumed"]);
    expect(whileDown()).toBeLessThanOrEqual(40);
    // What was under way is made again, nothing else; the server may have thought that it was answered.
    const answered = await Promise.all(
      server
        .callsOf("chat")
        .map(async ({ body, ended }) => ((await ended) === "answered" ? body.messages?.[0]?.content : "")),
    );
    const prompts = answered.filter((prompt) => prompt !== "");
    expect(new Set(prompts).size).toBe(UPLOADS);
    expect(prompts.length).toBeLessThanOrEqual(UPLOADS + 1);
  },
  300_000,
);

test("a key that is refused pauses a batch at once, and nobody fails by it", async () => {
  const { server, processor, pauses, reached } = await batchOf(16);
  const processing = processor.process("batch");
  await reached;
  const before = server.callsOf("chat").length;
  for (const endpoint of ["chat", "embed", "tags", "show"] as const)
    server.always(endpoint, failure(401, "unauthorized"));
  await later(10_000);
  expect(server.callsOf("chat").length - before).toBeLessThanOrEqual(10);
  for (const endpoint of ["chat", "embed", "tags", "show"] as const) server.always(endpoint, undefined);
  expect(await processing).toMatchObject({ status: "completed", completed: UPLOADS, failed: 0 });
  expect(pauses).toEqual(["account", "resumed"]);
}, 300_000);

test("6,000 calls, 16 at once, that fail or are aborted at any moment: no error is left without somebody to hear it", async () => {
  const server = await OllamaServer.start();
  onTestFinished(() => server.close());
  const unheard: unknown[] = [];
  const hear = (error: unknown) => void unheard.push(error);
  for (const event of ["uncaughtException", "unhandledRejection"] as const) {
    process.on(event, hear);
    onTestFinished(() => void process.off(event, hear));
  }
  const replies = FAILURES.filter((_, index) => index !== HANGS);
  let made = 0;
  server.always("chat", (exchange) => {
    const reply = replies[made % replies.length];
    return reply === undefined ? server.answer(exchange) : reply(exchange);
  });
  const ai = ollama({ host: server.url, ...MODELS });
  const worker = async () => {
    while (made++ < 6000) {
      const controller = new AbortController();
      const timer = made % 3 === 0 ? setTimeout(() => controller.abort(), made % 7) : undefined;
      await ai.describe(fakeMedia(), { ...fakeContext(), signal: controller.signal }).catch(() => {});
      clearTimeout(timer);
      server.exchanges.length = 0;
    }
  };
  await Promise.all(Array.from({ length: 16 }, worker));
  expect(unheard).toEqual([]);
}, 300_000);

test("10,000 calls, most of them failing or aborted, leave no listener, connection, stream or memory behind", async () => {
  const server = await OllamaServer.start();
  onTestFinished(() => server.close());
  const ai = ollama({ host: server.url, ...MODELS });
  const { signal } = new AbortController();
  const media = fakeMedia();

  async function one(index: number): Promise<void> {
    const controller = new AbortController();
    const reply = FAILURES[index % FAILURES.length];
    server.script("chat", async (exchange) => {
      await (reply === undefined ? server.answer(exchange) : reply(exchange));
      if (index % FAILURES.length === HANGS) controller.abort();
    });
    const own = index % FAILURES.length === HANGS ? controller.signal : signal;
    await Promise.allSettled([
      ai.describe(media, { ...fakeContext(), signal: own }),
      ai.embedText("a cat", { signal }),
    ]);
    server.exchanges.length = 0;
  }
  async function round(calls: number): Promise<number> {
    // One at a time: replies are scripted in the order of the calls.
    for (let index = 0; index < calls / 2; index++) await one(index);
    await collectGarbage();
    return process.memoryUsage().heapUsed;
  }

  await round(2000);
  const before = await round(1000);
  const after = await round(7000);
  expect(getEventListeners(signal, "abort")).toEqual([]);
  // A stream that is left in a client takes more than that for each call.
  expect((after - before) / 7000).toBeLessThan(200);
  // What is kept for the next call is closed after a rest.
  while ((await server.connections()) > 0) await later(50);
  const open = process.getActiveResourcesInfo().filter((name) => name === "TCPSocketWrap");
  expect(open).toEqual([]);
}, 300_000);
