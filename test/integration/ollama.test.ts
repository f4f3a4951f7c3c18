import { getEventListeners } from "node:events";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { type OllamaOptions, ollama } from "../../src/adapters/ollama.js";
import type { Media, StageContext } from "../../src/index.js";
import { fakeContext, fakeMedia, testAIContract } from "../../src/testing/index.js";
import { deferred } from "../support/fakes.js";
import { chat, type Exchange, hangUp, OllamaServer, silence } from "../support/ollama-server.js";

const MODELS = { model: "qwen2.5vl:7b", embeddingModel: "nomic-embed-text" };

async function served(options: Partial<OllamaOptions> = {}) {
  const server = await OllamaServer.start();
  onTestFinished(() => server.close());
  return { server, ai: ollama({ host: server.url, ...MODELS, ...options }) };
}

/** A call that is aborted when its request has come: what became of the call and of the request. */
async function aborted(
  server: OllamaServer,
  endpoint: "chat" | "embed" | "tags",
  call: (signal: AbortSignal) => Promise<unknown>,
  whenItCame: (exchange: Exchange) => Promise<unknown> = async () => {},
) {
  const controller = new AbortController();
  const reason = new Error("Nobody waits for it");
  const came = server.next(endpoint);
  const outcome = call(controller.signal).catch((error: unknown) => error);
  const exchange = await came;
  await whenItCame(exchange);
  controller.abort(reason);
  return { isReason: (await outcome) === reason, request: await exchange.ended };
}

const BATCH = (signal: AbortSignal) => ({ ...fakeContext(), signal });

describe("the contract of AI adapters", () => {
  testAIContract({ test, create: async () => ({ ai: (await served()).ai }) });
});

describe("describe", () => {
  test("sends the image as it is, the prompt, and the options, and tells what it used up", async () => {
    const options = { temperature: 0, num_predict: 300 };
    const { server, ai } = await served({
      model: "qwen3-vl",
      think: "low",
      keepAlive: "30m",
      options,
      prompt: "What is it?",
    });
    const media = fakeMedia();
    const answer = await ai.describe(media, fakeContext());
    const [{ body }] = server.callsOf("chat") as [Exchange];
    const images = body.messages?.[0]?.images ?? [];
    expect(body).toEqual({
      model: "qwen3-vl",
      messages: [{ role: "user", content: "What is it?", images }],
      stream: true,
      think: "low",
      keep_alive: "30m",
      options,
    });
    expect(images.map((image) => Buffer.from(image, "base64"))).toEqual([Buffer.from(await media.bytes())]);
    expect(answer).toEqual({
      text: server.description,
      finish: "stop",
      prompt: "What is it?",
      usage: {
        inputTokens: 1042,
        outputTokens: 37,
        totalTokens: 1079,
        durationMs: 1234.56789,
        images: 1,
        model: "qwen3-vl",
      },
    });
  });

  test("sends nothing that it was not told", async () => {
    const { server, ai } = await served();
    await ai.describe(fakeMedia(), fakeContext());
    expect(Object.keys(server.callsOf("chat")[0]?.body ?? {}).sort()).toEqual(["messages", "model", "stream"]);
  });

  test("tells the text while it is written, where that is asked for", async () => {
    const { server, ai } = await served({ reportText: true });
    server.script(
      "chat",
      chat([{ thinking: "Hm." }, { content: "A cat" }, { content: " asleep.", done_reason: "stop" }]),
    );
    const told: (string | undefined)[] = [];
    const reportProgress = (_: number, message?: string) => void told.push(message);
    await ai.describe(fakeMedia(), { ...fakeContext(), reportProgress });
    expect(told.filter((text) => text !== undefined)).toEqual(expect.arrayContaining(["A cat", "A cat asleep."]));
    expect(told[0]).toBeUndefined();
  });

  test("tells its progress while the model writes, and while it thinks", async () => {
    const { server, ai } = await served();
    const [thought, written] = [deferred(), deferred()];
    server.script("chat", async (exchange) => {
      await chat([{ thinking: "A cat? Yes." }], "hang")(exchange);
      await thought.promise;
      const line = { model: MODELS.model, message: { role: "assistant", content: "A cat" }, done: false };
      exchange.response.write(`${JSON.stringify(line)}\n`);
      await written.promise;
      exchange.response.end(`${JSON.stringify({ ...line, done: true, done_reason: "stop" })}\n`);
    });
    const reports: number[] = [];
    let told = deferred<number>();
    const reportProgress = (fraction: number) => {
      reports.push(fraction);
      told.resolve(fraction);
    };
    const describing = ai.describe(fakeMedia(), { ...fakeContext(), reportProgress });
    const first = await told.promise;
    told = deferred();
    thought.resolve();
    const second = await told.promise;
    expect(first).toBeGreaterThan(0);
    expect(second).toBeGreaterThan(first);
    written.resolve();
    expect(await describing).toMatchObject({ text: "A catA cat" });
    expect(reports.at(-1)).toBeLessThan(1);
  });

  test("keeps what a structured answer has besides the description", async () => {
    const { server, ai } = await served();
    server.script("chat", chat([{ content: '{"description":"A cat.","tags":["cat"]}' }, { done_reason: "stop" }]));
    expect(await ai.describe(fakeMedia(), fakeContext())).toMatchObject({
      text: "A cat.",
      metadata: { tags: ["cat"] },
    });
  });

  test("cuts a model off that does not stop, and closes its stream", async () => {
    const { server, ai } = await served();
    const endless = Array.from({ length: 5 }, () => ({ content: "cat ".repeat(75_000) }));
    server.script("chat", chat(endless, "hang"));
    const came = server.next("chat");
    expect(await ai.describe(fakeMedia(), fakeContext())).toMatchObject({ finish: "length" });
    expect(await (await came).ended).toBe("cut");
  });

  test("a video is described frame by frame, or in one call", async () => {
    const image = await fakeMedia().visionImage();
    const frames = [0, 5].map((timeSeconds) => ({ ...image, timeSeconds }));
    const media: Media = { ...fakeMedia(undefined, { mimeType: "video/mp4" }), frames: async () => frames };
    const imagesOf = (server: OllamaServer) =>
      server.callsOf("chat").map(({ body }) => body.messages?.[0]?.images?.length);
    const perFrame = await served();
    expect(await perFrame.ai.describe(media, fakeContext())).toMatchObject({
      text: perFrame.server.description,
      usage: { requests: 3, images: 2, totalTokens: 3 * 1079, model: MODELS.model },
    });
    expect(imagesOf(perFrame.server)).toEqual([1, 1, undefined]);
    const oneCall = await served({ video: "one-call" });
    await oneCall.ai.describe(media, fakeContext());
    expect(imagesOf(oneCall.server)).toEqual([2]);
  });
});

describe("embeddings", () => {
  const inputs = ["a cat", "a dog", "a bird"].map((text) => ({ text, upload: fakeMedia().upload }));

  test("of several texts are made by one request, in their order", async () => {
    const { server, ai } = await served({ keepAlive: -1 });
    const many = await ai.embedMany?.(inputs, BATCH(new AbortController().signal));
    expect(many?.vectors).toHaveLength(3);
    expect(many?.usage).toEqual({ inputTokens: 12, totalTokens: 12, durationMs: 14.143917, model: "nomic-embed-text" });
    expect(server.callsOf("embed").map(({ body }) => body)).toEqual([
      { model: "nomic-embed-text", input: ["a cat", "a dog", "a bird"], truncate: true, keep_alive: -1 },
    ]);
    for (const [index, { text }] of inputs.entries()) expect(await ai.embedText(text)).toEqual(many?.vectors[index]);
    expect(ai.embedBatch).toEqual({ maxSize: 64 });
  });

  test("too few vectors are an error of the call", async () => {
    const { server, ai } = await served();
    server.script("embed", ({ response }) => void response.end('{"embeddings":[[1],[2]],"prompt_eval_count":12}'));
    await expect(ai.embedMany?.(inputs, BATCH(new AbortController().signal))).rejects.toMatchObject({
      code: "EMBED_FAILED",
      message: expect.stringContaining("expected 3 vectors of nomic-embed-text, got 2"),
      usage: { inputTokens: 12 },
    });
  });

  test.each(["[[0.6, null]]", "[[]]", "[null]", '["0.6"]', '[["0.6"]]'])(
    "of a query are no others than finite numbers: %s",
    async (embeddings) => {
      const { server, ai } = await served();
      server.script("embed", ({ response }) => void response.end(`{"embeddings":${embeddings}}`));
      await expect(ai.embedText("a cat")).rejects.toMatchObject({
        code: "INVALID_EMBEDDING",
        message: expect.stringContaining("expected a vector of at least 1 finite numbers"),
      });
    },
  );

  test.each(["", " \n", undefined, 5])("a query of %j is refused, and nothing is asked", async (text) => {
    const { server, ai } = await served();
    await expect(ai.embedText(text as string)).rejects.toMatchObject({
      code: "INVALID_CONFIGURATION",
      message: "ollama: embedText: expected a text that is not empty",
    });
    expect(server.exchanges).toEqual([]);
  });

  test("without an embedding model there are none, and a query is told so", async () => {
    const { ai } = await served({ embeddingModel: undefined });
    expect(ai).not.toHaveProperty("embed");
    expect(ai).not.toHaveProperty("embedMany");
    await expect(ai.embedText("a cat")).rejects.toMatchObject({
      code: "INVALID_CONFIGURATION",
      message: 'ollama.embeddingModel: expected a model such as "nomic-embed-text", got undefined',
    });
  });
});

describe.each([
  ["over node:http", undefined],
  ["over Node's fetch", globalThis.fetch],
])("an abort, %s", (_, fetch) => {
  const ended = { isReason: true, request: "cut" };
  const describing =
    (ai: { describe: (media: Media, context: StageContext) => Promise<unknown> }) => (signal: AbortSignal) =>
      ai.describe(fakeMedia(), { ...fakeContext(), signal });

  test("before the headers ends the request on the server", async () => {
    const { server, ai } = await served({ fetch });
    server.always("chat", silence);
    expect(await aborted(server, "chat", describing(ai))).toEqual(ended);
  });

  test("in the middle of the stream does so, too", async () => {
    const { server, ai } = await served({ fetch });
    const written = deferred();
    server.always("chat", async (exchange) => {
      await chat([{ content: "A cat " }], "hang")(exchange);
      written.resolve();
    });
    expect(await aborted(server, "chat", describing(ai), () => written.promise)).toEqual(ended);
  });

  test("ends a request for embeddings, and one for the health", async () => {
    const { server, ai } = await served({ fetch });
    server.always("embed", silence);
    server.always("tags", silence);
    expect(await aborted(server, "embed", (signal) => ai.embedText("a cat", { signal }))).toEqual(ended);
    expect(await aborted(server, "tags", async (signal) => ai.checkHealth({ signal }))).toEqual(ended);
  });

  test("that came before makes no request", async () => {
    const { server, ai } = await served({ fetch });
    const signal = AbortSignal.abort(new Error("Nobody waits for it"));
    await expect(ai.embedText("a cat", { signal })).rejects.toBe(signal.reason);
    expect(server.exchanges).toEqual([]);
  });
});

describe("requests", () => {
  test("carry the headers, and the credentials of the host, below its path", async () => {
    const { server } = await served();
    const requests: { url: string; headers: Headers }[] = [];
    const spy: typeof fetch = async (input, init) => {
      requests.push({ url: String(input), headers: new Headers(init?.headers) });
      return fetch(String(input).replace("/gpu", ""), init);
    };
    const url = server.url.replace("http://", "http://user:p%40ss@");
    const basic = ollama({ host: `${url}/gpu/`, ...MODELS, fetch: spy, headers: { "x-team": "photos" } });
    await basic.embedText("a cat");
    const bearer = ollama({ host: url, ...MODELS, headers: { Authorization: "Bearer key" } });
    await bearer.embedText("a cat");
    expect(requests).toMatchObject([{ url: `${server.url}/gpu/api/embed` }]);
    expect(requests[0]?.headers.get("authorization")).toBe(`Basic ${Buffer.from("user:p@ss").toString("base64")}`);
    expect(requests[0]?.headers.get("x-team")).toBe("photos");
    expect(server.callsOf("embed").at(-1)?.headers.authorization).toBe("Bearer key");
  });

  test("do not go over the global fetch, which has time limits", async () => {
    const { server, ai } = await served();
    const global = vi.spyOn(globalThis, "fetch").mockRejectedValue(new Error("It was called"));
    onTestFinished(() => global.mockRestore());
    expect(await ai.describe(fakeMedia(), fakeContext())).toMatchObject({ text: server.description });
    expect(global).not.toHaveBeenCalled();
  });

  test("leave no listener on the signal, whether they succeed or fail", async () => {
    const { server, ai } = await served();
    const { signal } = new AbortController();
    const during: number[] = [];
    server.always("chat", async (exchange) => {
      during.push(getEventListeners(signal, "abort").length);
      await (during.length === 1 ? server.answer(exchange) : hangUp(exchange));
    });
    const call = () => ai.describe(fakeMedia(), { ...fakeContext(), signal });
    await call();
    await expect(call()).rejects.toThrow("cannot be reached");
    await ai.checkHealth({ signal });
    expect(during).toEqual([1, 1]);
    expect(getEventListeners(signal, "abort")).toEqual([]);
  });

  test("one after the other use one connection", async () => {
    const { server, ai } = await served();
    for (let round = 0; round < 5; round++) {
      await ai.describe(fakeMedia(), fakeContext());
      await ai.embedText("a cat");
    }
    expect(server.accepted).toBe(1);
  });
});
