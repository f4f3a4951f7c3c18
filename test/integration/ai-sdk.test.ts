import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { aiSdk, type EmbeddingModelLike, type LanguageModelLike } from "../../src/adapters/ai-sdk.js";
import { BatchProcessor, ConfigurationError, processUploadWithRetry, type UploadError } from "../../src/index.js";
import { fakeContext, fakeMedia, testAIContract } from "../../src/testing/index.js";
import { adapterOver, majors, modelsOf } from "../support/ai-sdk-majors.js";
import { ids, until, worldOf } from "../support/fakes.js";
import {
  answered,
  type EmbeddingData,
  embedded,
  failed,
  OpenAIServer,
  said,
  stalled,
  vectorOf,
} from "../support/openai-server.js";

let server: OpenAIServer;
beforeAll(async () => {
  server = await OpenAIServer.start();
});
beforeEach(() => server.reset());
afterAll(() => server.close());

const retry = { minTimeout: 1, randomize: false };

describe.each(majors)("a model of specification %s", (major) => {
  describe("keeps the contract of adapters", () => {
    testAIContract({ test, create: () => ({ ai: adapterOver(major, server.baseURL) }) });
  });

  test("is asked with the picture as bytes, and with the options", async () => {
    const ai = adapterOver(major, server.baseURL, {
      prompt: "What is it?",
      maxOutputTokens: 300,
      temperature: 0.2,
      providerOptions: { acme: { reasoningEffort: "low" } },
    });
    const media = fakeMedia();
    await ai.describe(media, fakeContext());
    const data = Buffer.from(await media.bytes()).toString("base64");
    expect(server.describes.map(({ body }) => body)).toMatchObject([
      {
        model: "acme-vision",
        max_tokens: 300,
        temperature: 0.2,
        reasoning_effort: "low",
        stream: true,
        messages: [
          {
            role: "user",
            content: [
              { type: "text", text: "What is it?" },
              { type: "image_url", image_url: { url: `data:image/jpeg;base64,${data}` } },
            ],
          },
        ],
      },
    ]);
  });

  test("reports progress while it writes, also while it reasons", async () => {
    const context = fakeContext();
    server.chat = answered({ reasoning: "A picture. Of a cat, I think.", text: "A cat asleep on a keyboard." });
    await adapterOver(major, server.baseURL).describe(fakeMedia(), context);
    expect(context.progress.length).toBeGreaterThan(8);
    expect(context.progress).toEqual(context.progress.toSorted((a, b) => a - b));
    expect(context.progress.at(-1)).toBeLessThan(1);
  });

  test("tells the text while it is written, where that is asked for", async () => {
    const told: string[] = [];
    const reportProgress = (_: number, message?: string) => void (message !== undefined && told.push(message));
    server.chat = answered({ reasoning: "Of a cat, I think.", text: "A cat asleep on a keyboard." });
    const context = { ...fakeContext(), reportProgress };
    await adapterOver(major, server.baseURL).describe(fakeMedia(), context);
    expect(told).toEqual([]);
    await adapterOver(major, server.baseURL, { reportText: true }).describe(fakeMedia(), context);
    expect(told.length).toBeGreaterThan(1);
    for (const text of told) expect("A cat asleep on a keyboard.").toContain(text);
    expect(told.at(-1)).toBe("A cat asleep on a keyboard.");
  });

  test.each(["before the answer", "in the answer"] as const)("an abort %s hangs up", async (where) => {
    server.chat = stalled(where);
    const controller = new AbortController();
    const describing = adapterOver(major, server.baseURL).describe(
      fakeMedia(),
      fakeContext({ signal: controller.signal }),
    );
    const outcome = describing.catch((error: unknown) => error);
    await until(() => server.describes.length === 1);
    controller.abort(new Error("enough"));
    expect(await outcome).toBeInstanceOf(Error);
    await until(() => server.abandoned === 1);
  });

  test("a time-out is the service's, and hangs up", async () => {
    server.script("chat", stalled("in the answer"));
    const { repository, storage } = worldOf(ids(1));
    const adapters = { repository, storage, ai: adapterOver(major, server.baseURL) };
    const options = { thumbnail: false as const, retry, timeouts: { describeMs: 2000 } };
    expect(await processUploadWithRetry("u0000", adapters, options)).toMatchObject({
      status: "completed",
      attempts: 2,
      usage: { requests: 3 },
    });
    expect(server.abandoned).toBe(1);
  });

  test("a retry after a failed embedding describes nothing again", async () => {
    server.script("embeddings", failed(500), failed(503));
    const { repository, storage } = worldOf(ids(1));
    const adapters = { repository, storage, ai: adapterOver(major, server.baseURL) };
    const once = { thumbnail: false as const, retry: { maxAttempts: 1 } };
    expect(await processUploadWithRetry("u0000", adapters, once)).toMatchObject({ status: "failed" });
    const again = { thumbnail: false as const, retry, rerun: "retry" as const };
    expect(await processUploadWithRetry("u0000", adapters, again)).toMatchObject({ status: "completed", attempts: 2 });
    expect([server.describes.length, server.embeds.length]).toEqual([1, 3]);
  });

  test("another embedding model alone describes nothing", async () => {
    const { repository, storage } = worldOf(ids(3));
    const { model, embeddingModel } = modelsOf(major, server.baseURL);
    const before = new BatchProcessor({ repository, storage, ai: aiSdk({ model, embeddingModel }), thumbnail: false });
    expect(await before.process("batch")).toMatchObject({ completed: 3 });
    const other = Object.assign(Object.create(embeddingModel), { modelId: "acme-embed-2" });
    server.reset();
    const ai = aiSdk({ model, embeddingModel: other });
    const after = new BatchProcessor({ repository, storage, ai, thumbnail: false });
    expect(await after.rerun({ batchId: "batch" }, "reprocess")).toMatchObject({ completed: 3 });
    expect(server.describes).toEqual([]);
    expect(server.embeds.length).toBeGreaterThan(0);
  });

  test("embeds many texts in their order, in as many calls as the model takes, and counts them", async () => {
    const { model, embeddingModel } = modelsOf(major, server.baseURL);
    Object.defineProperty(embeddingModel, "maxEmbeddingsPerCall", { value: 2 });
    const ai = aiSdk({ model, embeddingModel });
    expect(ai.embedBatch).toEqual({ maxSize: 2 });
    const texts = ["a cat", "a dog on a sofa", "the sea", "a hill", "rain"];
    server.embeddings = embedded({ change: (data) => data.toReversed() });
    const { upload } = fakeMedia();
    const inputs = texts.map((text) => ({ text, upload }));
    const made = await ai.embedMany?.(inputs, fakeContext());
    expect(made).toEqual({
      vectors: texts.map((text) => vectorOf(text)),
      usage: { inputTokens: 12, requests: 3, model: "acme-embed" },
    });
    // They go out at once, and may come in any order.
    expect(server.embeds.map(({ body }) => body.input?.length).toSorted()).toEqual([1, 2, 2]);

    server.script("embeddings", embedded(), failed(500), embedded());
    expect(await ai.embedMany?.(inputs, fakeContext()).catch((error: unknown) => error)).toMatchObject({
      statusCode: 500,
      usage: { requests: 3 },
    });
    const twice = embedded({
      change: ([one]) =>
        one === undefined
          ? []
          : [
              { ...one, index: 1 },
              { ...one, index: 1 },
            ],
    });
    server.script("embeddings", twice);
    await expect(ai.embedMany?.(inputs.slice(0, 2), fakeContext())).rejects.toThrow("those of 1, 1");
  });

  test("a text that gets no vector fails alone: the call of many is repeated in halves", async () => {
    const { repository, storage } = worldOf(ids(4));
    const texts = ["a cat", "a dog", "nothing", "the sea"];
    server.script("chat", ...texts.map((text) => answered(text)));
    server.embeddings = (response, request) => {
      const { input } = request.body;
      const change = (data: readonly EmbeddingData[]) => data.filter(({ index }) => input?.[index] !== "nothing");
      return embedded({ change })(response, request);
    };
    const model = adapterOver(major, server.baseURL);
    // When all four are described, they go into one call.
    const ai = { ...model, embedBatch: { maxSize: 4, maxWaitMs: 20_000 } };
    const options = { thumbnail: false as const, retry: { maxAttempts: 1 }, concurrency: 4 };
    const result = await new BatchProcessor({ repository, storage, ai, ...options }).process("batch");
    expect(result).toMatchObject({ status: "completed", completed: 3, failed: 1 });
    const uploads = await Promise.all(ids(4).map(({ id }) => repository.findUpload(id)));
    expect(uploads.filter((upload) => upload?.status === "failed")).toMatchObject([
      { description: "nothing", errorCode: "EMBED_FAILED" },
    ]);
    expect(server.embeds.map(({ body }) => body.input?.length).sort()).toEqual([1, 1, 2, 2, 4]);
  });

  test("embeds the text of a search as it embeds descriptions", async () => {
    const ai = adapterOver(major, server.baseURL, { dimensions: 8 });
    const vector = await ai.embedText("a cat");
    expect(vector).toEqual(vectorOf("a cat"));
    const stored = await ai.embed?.({ text: "a cat", media: fakeMedia() }, fakeContext());
    expect(stored).toEqual({ vector, usage: { inputTokens: 2, model: "acme-embed" } });
    expect(server.embeds[0]?.body).toEqual(server.embeds[1]?.body);

    await expect(adapterOver(major, server.baseURL, { dimensions: 9 }).embedText("a cat")).rejects.toMatchObject({
      code: "INVALID_EMBEDDING",
      message: "embed: expected a vector of 9 finite numbers, got 8 numbers",
    });
    server.script("embeddings", failed(429, {}, { "retry-after": "3" }));
    await expect(ai.embedText("a cat")).rejects.toMatchObject({ code: "RATE_LIMITED", retryAfterMs: 3000 });
    const reason = new Error("enough");
    await expect(ai.embedText("a cat", { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    await expect(ai.embedText(" ")).rejects.toThrow("expected a text that is not empty");
  });

  test("prices are told of every call", async () => {
    const ai = adapterOver(major, server.baseURL, { price: { input: 10, output: 100, embed: 1000 } });
    const { repository, storage } = worldOf(ids(1));
    const options = { thumbnail: false as const };
    const result = await processUploadWithRetry("u0000", { repository, storage, ai }, options);
    expect(result.usage.cost).toBeCloseTo((100 * 10 + 20 * 100 + 6 * 1000) / 1_000_000);
  });

  test("reasoning that the service counts beside the completion is paid for", async () => {
    server.chat = answered({ text: "A cat.", tokens: [300, 50], reasoningTokens: 1000 });
    const ai = adapterOver(major, server.baseURL, { price: { input: 1, output: 1000 } });
    const { repository, storage } = worldOf(ids(1));
    const adapters = { repository, storage, ai: { ...ai, embed: undefined, embedMany: undefined } };
    const { usage } = await processUploadWithRetry("u0000", adapters, { thumbnail: false });
    expect(usage).toMatchObject({ inputTokens: 300, outputTokens: 1050, totalTokens: 1350 });
    expect(usage.cost).toBeCloseTo(1.0503);
  });

  test.each(['{"error":"upstream overloaded"}', "", '{"data":[', "upstream overloaded", "[]", "{}"])(
    "a 200 that is no answer is the service's: %s",
    async (text) => {
      server.chat = said(text);
      server.embeddings = said(text);
      const { model, embeddingModel } = modelsOf(major, server.baseURL);
      const ai = aiSdk({ model: Object.assign(Object.create(model), { doStream: undefined }), embeddingModel });
      const inputs = ["a cat", "a dog", "the sea"].map((each) => ({ text: each, upload: fakeMedia().upload }));
      const fault = "service";
      await expect(ai.embedMany?.(inputs, fakeContext())).rejects.toMatchObject({ code: "EMBED_FAILED", fault });
      await expect(ai.describe(fakeMedia(), fakeContext())).rejects.toMatchObject({ code: "DESCRIBE_FAILED", fault });
      expect([server.embeds.length, server.describes.length]).toEqual([1, 1]);
    },
  );

  test("a model without streams is asked without one", async () => {
    const { model } = modelsOf(major, server.baseURL);
    const whole = Object.assign(Object.create(model), { doStream: undefined });
    const ai = aiSdk({ model: whole });
    server.script("chat", answered('{"caption":"A cat.","tags":["cat"]}'), answered({ refusal: "No." }));
    expect(await ai.describe(fakeMedia(), fakeContext())).toMatchObject({
      text: "A cat.",
      metadata: { tags: ["cat"] },
      usage: { inputTokens: 100, outputTokens: 20 },
    });
    expect(await ai.describe(fakeMedia(), fakeContext())).toMatchObject({ finish: "refused" });
    expect(server.describes[0]?.body.stream).toBeUndefined();
  });

  test("a host that cannot be reached says where to look", async () => {
    const gone = await OpenAIServer.start();
    await gone.close();
    const ai = adapterOver(major, gone.baseURL);
    await expect(ai.describe(fakeMedia(), fakeContext())).rejects.toMatchObject({
      fault: "service",
      retryable: true,
      message: expect.stringMatching(/ECONNREFUSED.*check that the service is running, and the `baseURL`/),
    });
    await expect(ai.embedText("a cat")).rejects.toMatchObject({
      code: "EMBED_FAILED",
      message: expect.stringContaining("baseURL"),
    });
  });

  test("what the provider warns of goes to the log, for who looks for it", async () => {
    const { model } = modelsOf(major, server.baseURL);
    const debug = vi.fn();
    const warning = { type: "unsupported", feature: "topK" };
    const warned = Object.assign(Object.create(model), {
      doStream: async (options: Parameters<LanguageModelLike["doStream"]>[0]) => {
        const result = (await model.doStream(options as never)) as { stream: ReadableStream };
        const stream = result.stream.pipeThrough(
          new TransformStream({
            transform: (part, controller) =>
              controller.enqueue(part.type === "stream-start" ? { ...part, warnings: [warning] } : part),
          }),
        );
        return { stream };
      },
    });
    const context = fakeContext();
    await aiSdk({ model: warned }).describe(fakeMedia(), { ...context, logger: { ...context.logger, debug } });
    expect(debug).toHaveBeenCalledWith({ warnings: [warning], model: "acme-vision" }, expect.any(String));
  });
});

describe("what cannot be", () => {
  const { model, embeddingModel } = modelsOf("v3", "http://127.0.0.1:1/v1");
  const notAModel = (value: unknown) => value as LanguageModelLike;

  test.each<[string, () => unknown, RegExp]>([
    [
      "a gateway's id",
      () => aiSdk({ model: notAModel("openai/gpt-4o") }),
      /got the text "openai\/gpt-4o": .*createOpenAICompatible/,
    ],
    ["nothing", () => aiSdk({ model: notAModel(undefined) }), /model: expected an object .* got undefined/],
    [
      "an embedding model",
      () => aiSdk({ model: notAModel(embeddingModel) }),
      /got the embedding model acme.embedding\/acme-embed: give it as `embeddingModel`/,
    ],
    [
      "a language model",
      () => aiSdk({ model, embeddingModel: model as unknown as EmbeddingModelLike }),
      /embeddingModel: expected an embedding model, got the language model acme.chat\/acme-vision/,
    ],
    [
      "a provider",
      () => aiSdk({ model: notAModel(() => model) }),
      /got a provider or another function: call it with the model's id/,
    ],
    [
      "an old specification",
      () => aiSdk({ model: { ...modelLike, specificationVersion: "v1" } }),
      /specification v2, v3 or v4, got "v1": install a release/,
    ],
    ["a new specification", () => aiSdk({ model: { ...modelLike, specificationVersion: "v9" } }), /got "v9"/],
    ["an unknown option", () => aiSdk({ model, ...{ promt: "x" } }), /aiSdk.promt: unknown; did you mean "prompt"/],
    [
      "an empty prompt",
      () => aiSdk({ model, prompt: " " }),
      /prompt: expected a text that is not empty or a function, got " "/,
    ],
    [
      "no tokens",
      () => aiSdk({ model, maxOutputTokens: 0 }),
      /maxOutputTokens: expected a whole number above 0, got 0/,
    ],
    [
      "half a dimension",
      () => aiSdk({ model, dimensions: 1.5 }),
      /dimensions: expected a whole number above 0, got 1.5/,
    ],
    ["a temperature below 0", () => aiSdk({ model, temperature: -1 }), /temperature: expected a number of at least 0/],
    [
      "options of nobody",
      () => aiSdk({ model, providerOptions: { seed: 1 as never } }),
      /providerOptions: expected an object of objects/,
    ],
    [
      "half a price",
      () => aiSdk({ model, price: { input: 1 } as never }),
      /price.output: expected the price of one million tokens/,
    ],
    [
      "another way for videos",
      () => aiSdk({ model, video: "whole" as never }),
      /video: expected "per-frame" or "one-call", got "whole"/,
    ],
    [
      "what is no choice",
      () => aiSdk({ model, reportText: "yes" as never }),
      /reportText: expected true or false, got "yes"/,
    ],
    ["a stamp that is no text", () => aiSdk({ model, version: 7 as never }), /version: expected a text, .*, got 7/],
    ["half a stamp", () => aiSdk({ model, version: { describe: "1" } as never }), /version: expected a text, or/],
    [
      "an audit that checks nothing",
      () => aiSdk({ model, audit: { maxAsks: 2 } as never }),
      /audit: expected an object with a function `check`, .*, got object/,
    ],
    ["no options", () => aiSdk(undefined as never), /options: expected an object with a model, got undefined/],
  ])("%s is refused, with the remedy", (_, make, message) => {
    expect(make).toThrow(ConfigurationError);
    expect(make).toThrow(message);
  });

  const modelLike = { provider: "acme", modelId: "x", doGenerate: async () => ({}), doStream: async () => ({}) };

  test("each option is read once: what is used is what was checked", () => {
    let reads = 0;
    const options = {
      model,
      get version() {
        reads++;
        return String(reads);
      },
    };
    expect(aiSdk(options).version).toBe("1");
    expect(reads).toBe(1);
  });

  test("a search without an embedding model", async () => {
    await expect(aiSdk({ model }).embedText("a cat")).rejects.toThrow("embedText needs an `embeddingModel`");
    expect(aiSdk({ model })).not.toHaveProperty("embed");
  });

  test("answers of another shape are the service's, and no TypeError", async () => {
    for (const answer of [undefined, null, {}, { stream: {} }, "x"]) {
      const odd = { ...modelLike, specificationVersion: "v3", doStream: async () => answer };
      await expect(aiSdk({ model: odd }).describe(fakeMedia(), fakeContext())).rejects.toMatchObject({
        code: "DESCRIBE_FAILED",
        fault: "service",
      } satisfies Partial<UploadError>);
    }
  });
});

describe("the stamp", () => {
  const { model, embeddingModel } = modelsOf("v4", "http://127.0.0.1:1/v1");
  const stampOf = (more: object = {}) => aiSdk({ model, embeddingModel, ...more }).version;
  const describeOf = (more: object = {}) => (stampOf(more) as { describe: string }).describe;

  test("says provider and model, and what is asked", () => {
    expect(stampOf()).toEqual({
      describe: expect.stringMatching(/^acme\.chat\/acme-vision#[0-9a-f]{8}$/),
      embed: "acme.embedding/acme-embed",
    });
    expect(aiSdk({ model }).version).toBe(describeOf());
    expect(stampOf({ version: "7" })).toBe("7");
  });

  test("is another one when something else is asked, and only then", () => {
    const stamps = [
      {},
      { prompt: "A" },
      { prompt: "B" },
      { temperature: 1 },
      { maxOutputTokens: 9 },
      { video: "one-call" },
      { providerOptions: { acme: { a: 1, b: 2 } } },
      { prompt: () => "A" },
    ].map(describeOf);
    expect(new Set(stamps).size).toBe(stamps.length);
    expect(describeOf({ providerOptions: { acme: { b: 2, a: 1 } } })).toBe(stamps[6]);
    expect(describeOf({ prompt: () => "another" })).toBe(stamps[7]);
    expect(describeOf({ price: { input: 1, output: 1 }, dimensions: 8 })).toBe(stamps[0]);
    expect(describeOf({ video: "per-frame", reportText: true })).toBe(stamps[0]);
  });

  test.each(["dimensions", "outputDimension", "outputDimensionality"])(
    "of another length of vectors (%s) is that of the embeddings alone: nothing is described again",
    (name) => {
      const acme = { reasoningEffort: "low" };
      expect(stampOf({ providerOptions: { acme: { [name]: 512 } } })).toEqual({
        describe: describeOf(),
        embed: "acme.embedding/acme-embed@512",
      });
      expect(describeOf({ providerOptions: { acme: { ...acme, [name]: 256 } } })).toBe(
        describeOf({ providerOptions: { acme } }),
      );
      expect(describeOf({ providerOptions: { acme } })).not.toBe(describeOf());
    },
  );
});
