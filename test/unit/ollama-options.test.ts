import { describe, expect, test } from "vitest";
import { type OllamaOptions, ollama } from "../../src/adapters/ollama.js";
import { ConfigurationError } from "../../src/index.js";

const MODEL = "qwen2.5vl:7b";

function refused(options: unknown): string {
  try {
    ollama(options as OllamaOptions);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigurationError);
    return (error as ConfigurationError).message;
  }
  throw new Error("It was accepted");
}

test.each([
  [undefined, 'ollama.options: expected an object such as { model: "qwen2.5vl:7b" }, got undefined'],
  [{}, 'ollama.model: expected the name of a vision model, such as "qwen2.5vl:7b", got undefined'],
  [{ model: " " }, 'ollama.model: expected the name of a vision model, such as "qwen2.5vl:7b", got " "'],
  [
    { model: MODEL, embeddingModel: "" },
    'ollama.embeddingModel: expected the name of an embedding model, such as "nomic-embed-text", got ""',
  ],
  [
    { model: MODEL, host: "not a url" },
    'ollama.host: expected a URL such as "http://127.0.0.1:11434", got "not a url"',
  ],
  [{ model: MODEL, host: "nonsense" }, 'ollama.host: expected a URL such as "http://127.0.0.1:11434", got "nonsense"'],
  [
    { model: MODEL, host: "ftp://gpu:1" },
    'ollama.host: expected a URL such as "http://127.0.0.1:11434", got "ftp://gpu:1"',
  ],
  [{ model: MODEL, host: "http://gpu/?a=1" }, "ollama.host: expected a URL"],
  [{ model: MODEL, host: "" }, 'got ""'],
  [{ model: MODEL, host: 11434 }, "got number"],
  [
    { model: MODEL, keepAlive: "30 minutes" },
    'ollama.keepAlive: expected a time such as "10m", or seconds, got "30 minutes"',
  ],
  [{ model: MODEL, keepAlive: "300" }, "ollama.keepAlive: "],
  [{ model: MODEL, keepAlive: Number.NaN }, "ollama.keepAlive: "],
  [{ model: MODEL, think: "hard" }, 'ollama.think: expected true, false, "low", "medium" or "high", got "hard"'],
  [{ model: MODEL, options: [] }, "ollama.options: expected an object such as { temperature: 0 }, got object"],
  [{ model: MODEL, options: { stop: () => true } }, "ollama.options: expected an object of what JSON has"],
  [{ model: MODEL, prompt: "" }, "ollama.prompt: expected a text, or a function of the media"],
  [{ model: MODEL, headers: { Authorization: 1 } }, "ollama.headers: expected names and values of HTTP headers"],
  [{ model: MODEL, headers: { Authorization: "Bearer a\nb" } }, "ollama.headers: "],
  [{ model: MODEL, headers: { "a b": "1" } }, "ollama.headers: "],
  [{ model: MODEL, fetch: "fetch" }, "ollama.fetch: expected a function"],
  [{ model: MODEL, version: "" }, "ollama.version: expected a text, or { describe, embed } of texts"],
  [{ model: MODEL, version: { describe: "1" } }, "ollama.version: "],
  [{ model: MODEL, video: "all" }, 'ollama.video: expected "per-frame" or "one-call"'],
  [{ model: MODEL, reportText: "yes" }, "ollama.reportText: expected true or false"],
  [{ model: MODEL, keepalive: "5m" }, 'ollama.keepalive: unknown; did you mean "keepAlive"?'],
  [{ model: MODEL, temperature: 0 }, "ollama.temperature: unknown"],
])("%j is refused, and told how", (options, message) => {
  expect(refused(options)).toContain(message);
});

test.each([
  "ftp://user:hunter2@gpu",
  "ftp://user:hunter2@more@gpu",
  "http://user:x/hunter2@gpu",
  "http://user:1/hunter2@gpu",
  "http://user:1?hunter2@gpu",
  "http://user:hunter2%@gpu",
  "user:hunter2%zz@gpu:11434",
  "user:hunter2@gpu",
  "user/hunter2@gpu:11434",
  "http:\\\\user:hunter2@gpu",
])("a refusal tells no credential, and what to do: %s", (host) => {
  const message = refused({ model: MODEL, host });
  expect(message).not.toContain("hunter2");
  expect(message).toMatch(/, got ".*\*\*\*@gpu.*"\. In user and password write % as %25, \/ as %2F, @ as %40/);
});

test("neither does one of a URL without a host, or of headers", () => {
  expect(refused({ model: MODEL, host: "http://user:hunter2" })).toMatch(/, got "http:\/\/user:…"$/);
  expect(refused({ model: MODEL, headers: { Authorization: "Bearer hunter2\n" } })).not.toContain("hunter2");
});

test.each([
  ["gpu.example", "http://gpu.example:11434"],
  ["gpu.example/path", "http://gpu.example:11434/path"],
  ["user:80@gpu.example", "http://gpu.example:11434"],
  ["gpu.example:80", "http://gpu.example"],
  ["gpu.example:80/path", "http://gpu.example/path"],
  ["gpu:80", "http://gpu"],
  ["[::1]:80", "http://[::1]"],
  [":80", "http://127.0.0.1"],
  ["gpu.example:8080", "http://gpu.example:8080"],
  ["http://gpu.example", "http://gpu.example"],
  ["http://gpu.example:80", "http://gpu.example"],
  ["https://user:p%25@gpu.example:443", "https://gpu.example"],
])("%s is the server at %s", async (host, url) => {
  const asked: string[] = [];
  const fetch = async (input: unknown) => {
    asked.push(new URL(String(input)).href);
    return Response.json({ embeddings: [[1]] });
  };
  await ollama({ model: MODEL, embeddingModel: "nomic-embed-text", host, fetch }).embedText("a cat");
  expect(asked).toEqual([`${url}/api/embed`]);
});

test.each([
  "localhost",
  ":11434",
  "localhost:11434",
  "10.0.0.5",
  "gpu:8080",
  "[::1]:11434",
  "https://gpu/ollama/",
  undefined,
])("%s is taken for a host", (host) => {
  expect(() => ollama({ model: MODEL, host })).not.toThrow();
});

describe("the version", () => {
  const versionOf = (options: Partial<OllamaOptions>) => {
    const { version } = ollama({ model: MODEL, embeddingModel: "nomic-embed-text", ...options });
    return typeof version === "object" ? version : { describe: version, embed: undefined };
  };
  const { describe: described, embed } = versionOf({});

  test("says which models, and of the prompt and options that they are the same", () => {
    expect(described).toMatch(/^ollama\/qwen2\.5vl:7b#[0-9a-f]{8}$/);
    expect(embed).toBe("ollama/nomic-embed-text");
    expect(versionOf({ host: "10.0.0.5", keepAlive: "1h", video: "per-frame", reportText: true })).toEqual({
      describe: described,
      embed,
    });
    expect(versionOf({ options: { seed: 1, temperature: 0 } })).toEqual(
      versionOf({ options: { temperature: 0, seed: 1 } }),
    );
  });

  test.each([
    { prompt: "What is it?" },
    { prompt: () => "What is it?" },
    { think: false },
    { video: "one-call" },
    { options: { temperature: 0 } },
    { model: "gemma3" },
  ] satisfies Partial<OllamaOptions>[])("is another one for %j, of the descriptions alone", (options) => {
    expect(versionOf(options).describe).not.toBe(described);
    expect(versionOf(options).embed).toBe(embed);
  });

  test("of another embedding model is that of the embeddings alone", () => {
    expect(versionOf({ embeddingModel: "all-minilm" })).toEqual({ describe: described, embed: "ollama/all-minilm" });
    expect(versionOf({ embeddingModel: undefined })).toEqual({ describe: described, embed: undefined });
  });
});

test("a version that is given is the version", () => {
  const version = { describe: "1", embed: "2" };
  expect(ollama({ model: MODEL, version }).version).toEqual(version);
});

test("a call costs nothing", () => {
  expect(ollama({ model: MODEL }).price?.({ totalTokens: 1000 }, "describe")).toBe(0);
});

test("descriptions are looked at, for what small models do", () => {
  const { check } = ollama({ model: MODEL }).audit;
  const context = { upload: { id: "1", storageKey: "1.jpg", status: "pending" }, kind: "image" } as const;
  expect(check("A cat sleeps on a grey keyboard, next to a cup of coffee.", context)).toMatchObject({ ok: true });
  expect(check("The cat is on the mat. ".repeat(40), context)).toMatchObject({ ok: false });
});

test("options that change afterwards change nothing", () => {
  const options = { temperature: 0 };
  const ai = ollama({ model: MODEL, options });
  const { version } = ai;
  options.temperature = 1;
  expect(ollama({ model: MODEL, options: { temperature: 0 } }).version).toBe(version);
});
