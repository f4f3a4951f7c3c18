import { expectTypeOf, test } from "vitest";
import {
  type OllamaAI,
  type OllamaOptions,
  ollama,
  type Prompt,
  type SearchableAI,
} from "../../src/adapters/ollama.js";
import { type AIAdapter, BatchProcessor, type UploadRecord } from "../../src/index.js";
import { repository, storage } from "./fixtures.js";

interface Photo extends UploadRecord {
  readonly album: string;
}

test("it is an adapter for records of every kind, and can embed queries and be asked for its health", () => {
  const ai = ollama({ model: "qwen2.5vl:7b", embeddingModel: "nomic-embed-text" });
  expectTypeOf(ai).toEqualTypeOf<OllamaAI>();
  expectTypeOf<OllamaAI>().toExtend<SearchableAI>();
  expectTypeOf<OllamaAI>().toExtend<AIAdapter<Photo>>();
  expectTypeOf(ai.embedText("a cat", { signal: AbortSignal.timeout(1000) })).resolves.toEqualTypeOf<number[]>();
  expectTypeOf(ai.checkHealth({ signal: AbortSignal.timeout(1000) })).resolves.toBeVoid();
  new BatchProcessor({ storage, repository, ai });
});

test("its options take the environment's, fetch and prompts of both kinds", () => {
  ollama({ model: "a", host: process.env.OLLAMA_HOST, fetch, headers: { Authorization: "Bearer key" } });
  ollama({ model: "a", keepAlive: -1, think: "high", options: { num_ctx: 8192, stop: ["\n"] }, video: "one-call" });
  ollama({ model: "a", prompt: (media) => `Describe this ${media.kind}`, version: { describe: "1", embed: "1" } });
  ollama({ model: "a", prompt: async ({ upload }) => `Describe ${upload.fileName}` });
  expectTypeOf<OllamaOptions["prompt"]>().toEqualTypeOf<Prompt | undefined>();
  // @ts-expect-error without a model
  ollama({ embeddingModel: "b" });
  // @ts-expect-error no such level
  ollama({ model: "a", think: "hard" });
  // @ts-expect-error no such option
  ollama({ model: "a", temperature: 0 });
});
