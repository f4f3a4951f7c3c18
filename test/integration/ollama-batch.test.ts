import { expect, onTestFinished, test } from "vitest";
import { memoryRepository } from "../../src/adapters/memory.js";
import { type OllamaOptions, ollama } from "../../src/adapters/ollama.js";
import { BatchProcessor, type UploadRecord } from "../../src/index.js";
import { ids, jpeg } from "../support/fakes.js";
import { failure, OllamaServer } from "../support/ollama-server.js";

const MODELS = { model: "qwen2.5vl:7b", embeddingModel: "nomic-embed-text" };
const STORAGE = { open: async () => ({ bytes: jpeg }), write: async () => {}, delete: async () => {} };

async function batchOf(uploads: number) {
  const server = await OllamaServer.start();
  onTestFinished(() => server.close());
  server.models.set("all-minilm:latest", ["embedding"]);
  const repository = memoryRepository<UploadRecord>({
    uploads: ids(uploads),
    batches: [{ id: "batch", status: "pending" }],
  });
  const processorOf = (options: Partial<OllamaOptions> = {}) =>
    new BatchProcessor({
      storage: STORAGE,
      ai: ollama({ host: server.url, ...MODELS, ...options }),
      repository,
      thumbnail: false,
      retry: { maxAttempts: 2, minTimeout: 1 },
    });
  return { server, repository, processorOf };
}

test("a retry after a failed embedding makes no second description, in the same run and in a later one", async () => {
  const { server, processorOf } = await batchOf(1);
  // The second one is the upload's own: a batch would wait for the service.
  const busy = failure(503, "server busy, please try again.  maximum pending requests exceeded");
  server.script("embed", busy, failure(400, "the input length exceeds the context length"));
  expect(await processorOf().process("batch")).toMatchObject({ failed: 1 });
  expect(await processorOf().rerun({ errorCodes: ["EMBED_FAILED"] }, "retry")).toMatchObject({ completed: 1 });
  expect(server.callsOf("embed")).toHaveLength(3);
  expect(server.callsOf("chat")).toHaveLength(1);
});

test("another embedding model makes all vectors anew, and no description", async () => {
  const { server, repository, processorOf } = await batchOf(5);
  expect(await processorOf().process("batch")).toMatchObject({ status: "completed", completed: 5 });
  const before = await repository.findUpload("u0000");
  const other = processorOf({ embeddingModel: "all-minilm" });
  expect(await other.rerun({ batchId: "batch" }, "reprocess")).toMatchObject({ completed: 5 });
  expect(server.callsOf("chat")).toHaveLength(5);
  expect(
    server
      .callsOf("embed")
      .filter(({ body }) => body.model === "all-minilm")
      .flatMap(({ body }) => body.input),
  ).toHaveLength(5);
  const after = await repository.findUpload("u0000");
  expect(after?.description).toBe(before?.description);
  expect(after?.aiVersion).toBe(before?.aiVersion?.replace("nomic-embed-text", "all-minilm"));
  // And once more there is nothing to do.
  expect(await other.rerun({ batchId: "batch" }, "reprocess")).toMatchObject({ completed: 0 });
});

test("a missing model ends a batch at once, before anything is paid, and the uploads stay open", async () => {
  const { server, repository, processorOf } = await batchOf(20);
  const result = await processorOf({ model: "gemma3" }).process("batch");
  expect(result).toMatchObject({
    status: "failed",
    error: { code: "INVALID_CONFIGURATION", message: expect.stringContaining("run `ollama pull gemma3`") },
  });
  expect(server.callsOf("chat")).toEqual([]);
  const uploads = await repository.listUploads({ batchId: "batch" }, { limit: 100 });
  expect(new Set(uploads.map(({ status }) => status))).toEqual(new Set(["pending"]));
  server.models.set("gemma3:latest", ["completion", "vision"]);
  expect(await processorOf({ model: "gemma3" }).process("batch")).toMatchObject({ status: "completed", completed: 20 });
});

test("one description is under way at a time, and three requests for embeddings", async () => {
  const { server, processorOf } = await batchOf(24);
  const most = { chat: 0, embed: 0 };
  const open = { chat: 0, embed: 0 };
  for (const endpoint of ["chat", "embed"] as const)
    server.always(endpoint, async (exchange) => {
      most[endpoint] = Math.max(most[endpoint], ++open[endpoint]);
      await new Promise((resolve) => setTimeout(resolve, endpoint === "chat" ? 2 : 8));
      open[endpoint]--;
      await server.answer(exchange);
    });
  expect(await processorOf().process("batch")).toMatchObject({ completed: 24 });
  expect(most.chat).toBe(1);
  expect(most.embed).toBeLessThanOrEqual(3);
});
