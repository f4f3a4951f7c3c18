import { createAnthropic } from "@ai-sdk/anthropic";
import { createOpenAICompatible as createV3 } from "@ai-sdk/openai-compatible";
import { createOpenAICompatible as createV2 } from "openai-compatible-1";
import { createOpenAICompatible as createV4 } from "openai-compatible-3";
import { expectTypeOf, test } from "vitest";
import {
  aiSdk,
  type EmbeddingModelLike,
  type LanguageModelLike,
  type Prompt,
  type SearchableAI,
} from "../../src/adapters/ai-sdk.js";
import {
  type AIAdapter,
  BatchProcessor,
  type Media,
  processUploadWithRetry,
  type UploadRecord,
} from "../../src/index.js";
import { repository, storage } from "./fixtures.js";

const settings = { name: "acme", baseURL: "https://acme.test/v1" };

test("the models of three majors fit as they are", () => {
  const v2 = createV2(settings);
  const v3 = createV3(settings);
  const v4 = createV4(settings);
  expectTypeOf(v2("x").specificationVersion).toEqualTypeOf<"v2">();
  expectTypeOf(v3("x").specificationVersion).toEqualTypeOf<"v3">();
  expectTypeOf(v4("x").specificationVersion).toEqualTypeOf<"v4">();
  for (const provider of [v2, v3, v4]) {
    expectTypeOf(provider("x")).toExtend<LanguageModelLike>();
    expectTypeOf(provider.textEmbeddingModel("x")).toExtend<EmbeddingModelLike>();
  }
  expectTypeOf(v3.embeddingModel("x")).toExtend<EmbeddingModelLike>();
  expectTypeOf(v4.embeddingModel("x")).toExtend<EmbeddingModelLike>();
  expectTypeOf(createAnthropic()("x")).toExtend<LanguageModelLike>();
  aiSdk({ model: v2("x"), embeddingModel: v2.textEmbeddingModel("x") });
  aiSdk({ model: v3("x"), embeddingModel: v4.embeddingModel("x") });
});

test("models by hand fit, and providers, names and mixed-up models do not", () => {
  const provider = createV3(settings);
  aiSdk({
    model: {
      specificationVersion: "v3",
      provider: "own",
      modelId: "x",
      doGenerate: async ({ prompt, abortSignal }) => ({ content: [prompt, abortSignal?.aborted] }),
      doStream: async () => ({ stream: new ReadableStream() }),
    },
    embeddingModel: {
      specificationVersion: "v2",
      provider: "own",
      modelId: "x",
      doEmbed: async ({ values }) => ({ embeddings: values.map(() => [1]) }),
    },
  });
  // @ts-expect-error the id of a gateway
  aiSdk({ model: "openai/gpt-4o" });
  // @ts-expect-error a provider
  aiSdk({ model: provider });
  // @ts-expect-error an embedding model
  aiSdk({ model: provider.textEmbeddingModel("x") });
  // @ts-expect-error a language model
  aiSdk({ model: provider("x"), embeddingModel: provider("x") });
  // @ts-expect-error no model
  aiSdk({});
});

test("options, and what comes of them", async () => {
  const ai = aiSdk({
    model: createV4(settings)("x"),
    prompt: async (media) => `A ${media.kind} of ${media.upload.id}`,
    maxOutputTokens: 300,
    temperature: 0,
    providerOptions: { acme: { reasoningEffort: "low" } },
    dimensions: 512,
    version: { describe: "1", embed: "1" },
    price: { input: 1, output: 2 },
    audit: { check: () => ({ ok: true, score: 1, issues: [] }) },
    video: "one-call",
  });
  expectTypeOf(ai).toEqualTypeOf<SearchableAI>();
  expectTypeOf(ai).toExtend<AIAdapter>();
  expectTypeOf(await ai.embedText("a cat", { signal: new AbortController().signal })).toEqualTypeOf<number[]>();
  expectTypeOf<Prompt>().toEqualTypeOf<string | ((media: Media) => string | Promise<string>)>();
  aiSdk({
    model: createV4(settings)("x"),
    price: ({ inputTokens = 0 }, stage) => (stage === "embed" ? 0 : inputTokens),
  });
  // @ts-expect-error no way to describe a video
  aiSdk({ model: createV4(settings)("x"), video: "whole" });
});

test("it fits records of one's own", async () => {
  const ai = aiSdk({ model: createV3(settings)("x") });
  interface Photo extends UploadRecord {
    readonly album: string;
  }
  expectTypeOf(ai).toExtend<AIAdapter<Photo>>();
  await processUploadWithRetry("1", { storage, repository, ai });
  new BatchProcessor({ storage, repository, ai });
});
