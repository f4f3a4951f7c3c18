import { readFileSync } from "node:fs";
import { PGlite } from "@electric-sql/pglite";
import { vector } from "@electric-sql/pglite-pgvector";
import { afterAll, afterEach, beforeAll, beforeEach, expect, onTestFinished, test, vi } from "vitest";
import { chat, failure, OllamaServer } from "../support/ollama-server.js";
import { answered, OpenAIServer } from "../support/openai-server.js";

/** The examples over models, run as they are against a server that speaks the protocol, through the real client package. */
let server: OpenAIServer;
const printed: string[] = [];
beforeAll(async () => {
  server = await OpenAIServer.start();
});
beforeEach(() => {
  server.reset();
  printed.length = 0;
  vi.spyOn(console, "log").mockImplementation((...words: unknown[]) => void printed.push(words.join(" ")));
  vi.stubEnv("BASE_URL", server.baseURL);
});
afterEach(() => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
});
afterAll(() => server.close());

test.each(["openai-compatible.ts", "search-by-words.ts", "local-then-cloud.ts"])("%s has at most 40 lines", (name) => {
  const lines = readFileSync(new URL(`../../examples/${name}`, import.meta.url), "utf8")
    .trimEnd()
    .split("\n");
  expect(lines.length).toBeLessThanOrEqual(40);
});

test("openai-compatible.ts describes, tags and tells what it cost", async () => {
  vi.stubEnv("API_KEY", "a-key");
  vi.stubEnv("VISION_MODEL", "eyes");
  vi.stubEnv("EMBEDDING_MODEL", "vectors");
  const answer = { description: "A photo.", tags: ["one", "two"], altText: "A photo" };
  server.chat = answered(JSON.stringify(answer));
  await import("../../examples/openai-compatible.js");
  expect(printed).toContain("cat.png completed A photo. one,two");
  expect(printed.at(-1)).toMatch(/^3 described, for 0\.000216/);
  expect(server.describes.map(({ body, headers }) => [body.model, headers.authorization])).toEqual(
    Array(3).fill(["eyes", "Bearer a-key"]),
  );
  expect(server.embeds[0]?.body).toMatchObject({ model: "vectors", input: expect.anything() });
});

test("search-by-words.ts finds what the words mean, also when it is run again on a database that stays", async () => {
  vi.stubEnv("SEARCH", "a cup of coffee");
  const database = await PGlite.create({ extensions: { vector } });
  onTestFinished(database.close.bind(database));
  vi.spyOn(PGlite, "create").mockResolvedValue(database);
  vi.spyOn(database, "close").mockResolvedValue();
  const subjects = ["An astronaut in a suit", "A cat", "A cup of coffee", "A telescope in space", "A rocket"];
  server.script("chat", ...subjects.map((subject) => answered(subject)));
  await import("../../examples/search-by-words.js");
  expect(printed).toHaveLength(3);
  expect(printed[0]).toMatch(/^1\.00 .*A cup of coffee$/);

  vi.resetModules();
  await import("../../examples/search-by-words.js");
  expect(printed.slice(3)).toEqual(printed.slice(0, 3));
  expect(server.describes).toHaveLength(subjects.length);
}, 120_000);

test("own-model.ts describes and embeds by an adapter of its own, which says whose fault an error is", async () => {
  const own = await OllamaServer.start();
  onTestFinished(() => own.close());
  vi.stubEnv("OLLAMA_HOST", own.url);
  own.script("chat", failure(503, "server busy", { "retry-after": "0" }));
  await import("../../examples/own-model.js");
  expect(printed).toEqual([`${own.description} ${own.dimensions}`]);
  expect(own.callsOf("chat").map(({ body }) => body.messages?.[0]?.images?.length)).toEqual([1, 1]);
  expect(own.callsOf("embed").map(({ body }) => body.input)).toEqual([own.description]);
});

test("local-then-cloud.ts has done by the cloud what its own model cannot", async () => {
  const own = await OllamaServer.start();
  onTestFinished(() => own.close());
  vi.stubEnv("OLLAMA_HOST", own.url);
  vi.stubEnv("API_KEY", "a-key");
  own.always("chat", chat([{ content: "a cat a cat ".repeat(60) }, { done_reason: "stop" }]));
  const good = "A grey cat sleeps on a keyboard beside a cup of coffee, in the light of the morning.";
  server.chat = answered({ text: good, tokens: [1000, 100] });
  await import("../../examples/local-then-cloud.js");
  expect(printed[0]).toBe(`cat.png, by gpt-5-mini: ${good}`);
  expect(Number(printed.at(-1)?.replace("completed, for ", ""))).toBeCloseTo((3 * (1000 * 0.25 + 100 * 2)) / 1e6);
  // Asked again after its audit, and then no more.
  expect(own.callsOf("chat")).toHaveLength(6);
  expect(server.describes).toHaveLength(3);
  expect(own.callsOf("embed").length).toBeGreaterThan(0);
  expect(server.embeds).toEqual([]);
});
