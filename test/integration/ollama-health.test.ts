import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, onTestFinished, test } from "vitest";
import { type OllamaOptions, ollama } from "../../src/adapters/ollama.js";
import { UploadError } from "../../src/index.js";
import { fakeContext, fakeMedia } from "../../src/testing/index.js";
import { endOf, startChild } from "../support/child.js";
import { failure, json, OllamaServer, page } from "../support/ollama-server.js";

const MODELS = { model: "qwen2.5vl:7b", embeddingModel: "nomic-embed-text" };

async function healthOf(options: Partial<OllamaOptions>, prepare: (server: OllamaServer) => unknown = () => {}) {
  const server = await OllamaServer.start();
  onTestFinished(() => server.close());
  await prepare(server);
  const ai = ollama({ host: server.url, ...MODELS, ...options });
  const outcome = await ai.checkHealth({ signal: new AbortController().signal }).catch((error: unknown) => error);
  if (outcome === undefined) return "well";
  if (!UploadError.isInstance(outcome)) throw outcome;
  return `${outcome.code} ${outcome.fault}: ${outcome.message.replaceAll(server.url, "HOST")}`;
}

const missing = (option: string, model: string) =>
  `INVALID_CONFIGURATION deployment: ${option} "${model}" of Ollama at HOST: the server does not have it: run \`ollama pull ${model}\``;

describe("checkHealth", () => {
  test.each<[string, Partial<OllamaOptions>]>([
    ["both models are there", {}],
    ["the tag `latest` is written or not", { model: "qwen3-vl", embeddingModel: "nomic-embed-text:latest" }],
    ["without an embedding model", { embeddingModel: undefined }],
    [
      "names in other letters, and with the library's name",
      { model: "Qwen3-VL", embeddingModel: "library/nomic-embed-text" },
    ],
  ])("is satisfied: %s", async (_, options) => {
    expect(await healthOf(options, ({ models }) => models.set("Qwen3-VL:latest", ["completion", "vision"]))).toBe(
      "well",
    );
  });

  test("makes no request for a description", async () => {
    let made: OllamaServer | undefined;
    await healthOf({}, (server) => {
      made = server;
    });
    expect(made?.exchanges.map(({ endpoint }) => endpoint)).toEqual(["tags", "show"]);
  });

  test.each<[string, Partial<OllamaOptions>, string]>([
    ["the vision model is missing", { model: "gemma3" }, missing("model", "gemma3")],
    ["another tag of it is there", { model: "qwen2.5vl" }, missing("model", "qwen2.5vl")],
    ["a longer name is there", { model: "qwen2.5vl:7" }, missing("model", "qwen2.5vl:7")],
    ["the embedding model is missing", { embeddingModel: "all-minilm" }, missing("embeddingModel", "all-minilm")],
    [
      "another tag of that",
      { embeddingModel: "nomic-embed-text:v1.5" },
      missing("embeddingModel", "nomic-embed-text:v1.5"),
    ],
    [
      "the model cannot see",
      { model: "llama3.2" },
      'INVALID_CONFIGURATION deployment: model "llama3.2" of Ollama at HOST: it cannot see: choose a vision model, such as qwen2.5vl',
    ],
    [
      "an embedding model is given as language model",
      { model: "nomic-embed-text" },
      "it cannot see: choose a vision model",
    ],
  ])("rejects with the remedy: %s", async (_, options, message) => {
    expect(await healthOf(options)).toContain(message);
  });

  test("tells a model of the cloud from one that is missing: it is shown, and not listed", async () => {
    const shown = json({ capabilities: ["completion", "vision"] });
    expect(await healthOf({ model: "qwen3-vl:235b-cloud" }, (server) => server.script("show", shown))).toBe("well");
  });

  test("takes the word of the list where a server does not show what models can do", async () => {
    const none = ({ models }: OllamaServer) => models.size;
    expect(await healthOf({}, (server) => none(server) && server.script("show", json({ details: {} })))).toBe("well");
    expect(await healthOf({}, (server) => server.script("show", failure(404, "not found")))).toBe("well");
  });

  test.each([
    [
      "a key is refused",
      failure(401, "unauthorized"),
      "ACCOUNT_REFUSED account: Ollama at HOST answered 401: unauthorized. Look at the key: `headers`",
    ],
    ["a page of a proxy", page(200), "service: Ollama at HOST answered with a page of HTML, probably of a proxy"],
    [
      "a server of something else",
      failure(404, "nothing here"),
      "INVALID_CONFIGURATION deployment: Ollama at HOST answered 404: nothing here. Is it an Ollama server",
    ],
    ["a server that is not ready", failure(503, "starting"), "service: Ollama at HOST answered 503: starting"],
  ] as const)("rejects with the reason: %s", async (_, reply, message) => {
    expect(await healthOf({}, (server) => server.always("tags", reply))).toContain(message);
  });

  test("names the host, the command and the reason of the network where nobody answers", async () => {
    expect(await healthOf({}, (server) => server.close())).toMatch(
      /^DESCRIBE_FAILED service: Ollama at HOST cannot be reached: connect ECONNREFUSED 127\.0\.0\.1:\d+\. Is `ollama serve` running there\?$/,
    );
  });
});

test("a host that cannot be reached is the service's fault, for both stages, and the name alone is told of it", async () => {
  const server = await OllamaServer.start();
  await server.close();
  const ai = ollama({ host: server.url.replace("//", "//user:hunter2@"), ...MODELS });
  const errors = await Promise.all([
    ai.describe(fakeMedia(), fakeContext()).catch((error: unknown) => error),
    ai.embedText("a cat").catch((error: unknown) => error),
  ]);
  for (const [index, code] of ["DESCRIBE_FAILED", "EMBED_FAILED"].entries()) {
    expect(errors[index]).toMatchObject({ code, fault: "service", retryable: true });
    expect((errors[index] as Error).message).toContain(
      `Ollama at ${server.url} cannot be reached: connect ECONNREFUSED`,
    );
  }
});

test("a missing model is told by the call as well, with the command", async () => {
  const server = await OllamaServer.start();
  onTestFinished(() => server.close());
  const ai = ollama({ host: server.url, model: "gemma3", embeddingModel: "all-minilm" });
  const told = (name: string) => ({
    fault: "deployment",
    message: expect.stringContaining(`run \`ollama pull ${name}\``),
  });
  await expect(ai.describe(fakeMedia(), fakeContext())).rejects.toMatchObject(told("gemma3"));
  await expect(ai.embedText("a cat")).rejects.toMatchObject(told("all-minilm"));
});

test("without the client's package the command to install it is named", async () => {
  const copy = mkdtempSync(join(tmpdir(), "missing-ollama-test-"));
  onTestFinished(() => rmSync(copy, { recursive: true }));
  cpSync(fileURLToPath(new URL("../../src", import.meta.url)), join(copy, "src"), { recursive: true });
  writeFileSync(join(copy, "package.json"), '{ "type": "module" }');
  writeFileSync(
    join(copy, "worker.ts"),
    `import { ollama } from "./src/adapters/ollama.ts";
     import type { UploadError } from "./src/errors.ts";
     const ai = ollama({ model: "a", embeddingModel: "b" });
     const failed = ({ code, fault, message }: UploadError) => ({ code, fault, message });
     console.log(JSON.stringify(await Promise.all([ai.embedText("c").catch(failed), ai.checkHealth!({ signal: new AbortController().signal }).catch(failed)])));`,
  );
  const { out, err } = await endOf(startChild(join(copy, "worker.ts")));
  expect(err).toBe("");
  const message = expect.stringMatching(/^ollama could not be loaded: .*\. Run `npm install ollama`$/);
  expect(JSON.parse(out)).toEqual(Array(2).fill({ code: "INVALID_CONFIGURATION", fault: "deployment", message }));
});
