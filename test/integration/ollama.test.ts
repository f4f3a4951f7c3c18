import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ollama } from "../../src/adapters/ollama.js";
import { fakeContext, fakeMedia, testAIContract } from "../../src/testing/index.js";
import { OllamaServer } from "../support/ollama-server.js";

let server: OllamaServer;
beforeAll(async () => {
  server = await OllamaServer.start();
});
afterAll(() => server.close());
const MODELS = { model: "qwen2.5vl:7b", embeddingModel: "nomic-embed-text" };

describe("the contract of AI adapters", () => {
  testAIContract({ test, create: () => ({ ai: ollama({ host: server.url, ...MODELS }) }) });
});

test("a description", async () => {
  const ai = ollama({ host: server.url, ...MODELS });
  const context = fakeContext();
  console.log(await ai.describe(fakeMedia(), context), context.progress);
  console.log(await ai.embedText("a cat"), await server.connections());
  await ai.checkHealth?.({ signal: new AbortController().signal });
  console.log(ai.version);
  expect(1).toBe(1);
});
