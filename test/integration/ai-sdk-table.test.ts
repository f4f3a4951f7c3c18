import { readFileSync } from "node:fs";
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { processUploadWithRetry, UploadEventEmitter, type UploadRetryEvent } from "../../src/index.js";
import { adapterOver, type Major, majors } from "../support/ai-sdk-majors.js";
import { ids, worldOf } from "../support/fakes.js";
import { CASES, type ModelCase } from "../support/model-cases.js";
import { OpenAIServer } from "../support/openai-server.js";
import { verdictOf } from "../support/service-errors.js";

/** What a service does, over real HTTP and through the real client package in three majors, and what becomes of it. */
let server: OpenAIServer;
const written = vi.spyOn(console, "log");
const warned = vi.spyOn(console, "warn");
beforeAll(async () => {
  server = await OpenAIServer.start();
});
beforeEach(() => server.reset());
afterAll(async () => {
  expect(written).not.toHaveBeenCalled();
  expect(warned).not.toHaveBeenCalled();
  await server.close();
});

async function play(major: Major, { endpoint, replies }: ModelCase) {
  server.script(endpoint, ...replies);
  const { repository, storage } = worldOf(ids(1));
  const events = new UploadEventEmitter();
  const retries: UploadRetryEvent[] = [];
  const reported: number[] = [];
  events.on("upload:retry", (event) => retries.push(event));
  events.on("upload:progress", ({ estimated, progress }) => estimated || reported.push(progress));
  const processing = processUploadWithRetry(
    "u0000",
    { repository, storage, ai: adapterOver(major, server.baseURL) },
    { events, thumbnail: false, retry: { minTimeout: 1, randomize: false } },
  );
  const result = await processing.catch((error: unknown) => ({ status: "rejected" as const, error }));
  return { result, retries, reported, upload: await repository.findUpload("u0000") };
}

describe.each(majors)("a model of specification %s", (major) => {
  test.each(CASES.map((each) => [each.name, each] as const))("%s", async (_, given) => {
    const { becomes, endpoint, hint, paid, text, metadata, message } = given;
    const { result, retries, reported, upload } = await play(major, given);
    const calls = { chat: server.describes.length, embeddings: server.embeds.length };

    if (becomes === "stored") {
      expect(result).toMatchObject({ status: "completed", attempts: 1 });
      expect(calls).toEqual({ chat: 1, embeddings: 1 });
      if (text !== undefined) expect(upload?.description).toBe(text);
      if (metadata !== undefined) expect(upload?.metadata).toMatchObject(metadata);
      expect(reported.length).toBeGreaterThan(0);
      return;
    }
    const error = becomes.endsWith("again") ? retries[0]?.error : "error" in result ? result.error : undefined;
    expect(verdictOf(error as Parameters<typeof verdictOf>[0])).toBe(becomes);
    if (message !== undefined) expect(error).toMatchObject({ message: expect.stringMatching(message) });
    if (hint !== undefined) {
      expect(retries[0]?.error.retryAfterMs).toBeGreaterThanOrEqual(hint[0]);
      expect(retries[0]?.error.retryAfterMs).toBeLessThanOrEqual(hint[1]);
      expect(retries[0]?.delayMs).toBeGreaterThanOrEqual(retries[0]?.error.retryAfterMs ?? 0);
    }
    if (becomes.endsWith("again")) {
      // One call more for what failed, none for what had been made: the client makes no retries of its own.
      expect(result).toMatchObject({ status: "completed", attempts: 2 });
      expect(calls).toEqual(endpoint === "chat" ? { chat: 2, embeddings: 1 } : { chat: 1, embeddings: 2 });
      expect(upload).toMatchObject({ status: "completed", description: "A cat asleep on a keyboard." });
      const [input, output] = paid ?? [0, 0];
      expect(result).toMatchObject({ usage: { requests: 3, inputTokens: 106 + input, outputTokens: 20 + output } });
      return;
    }
    const isOfDeployment = becomes.includes("deployment");
    expect(result.status).toBe(isOfDeployment ? "rejected" : "failed");
    expect(upload?.status).toBe(isOfDeployment ? "pending" : "failed");
    expect(calls).toEqual(endpoint === "chat" ? { chat: 1, embeddings: 0 } : { chat: 1, embeddings: 1 });
    if (paid !== undefined && !isOfDeployment)
      expect(result).toMatchObject({ usage: { requests: 1, inputTokens: paid[0], outputTokens: paid[1] } });
  });
});

test("the table of the page is the one that is tested", () => {
  const file = readFileSync(new URL("../../src/adapters/models.md", import.meta.url), "utf8");
  const [, section = ""] = file.split("\n## What becomes of what the service does\n");
  const rows = [...(section.split("\n## ", 1)[0] ?? "").matchAll(/^\| (.+?) \| (.+?) \|$/gm)].slice(2);
  const told = rows.map(([, name, becomes]) => `${name}: ${becomes}`);
  const tested = CASES.map(({ name, becomes, text, metadata, hint, paid }) => {
    const cells = [becomesInWords(becomes)];
    if (hint !== undefined) cells.push("after that time");
    if (metadata !== undefined) cells.push("the rest in `metadata`");
    else if (text !== undefined && becomes === "stored") cells.push("the text");
    if (paid !== undefined) cells.push("booked");
    return `${name.replace(/: the (?:first|second|third)$/, "")}: ${cells.join("; ")}`;
  });
  expect(told).toEqual([...new Set(tested)]);
});

function becomesInWords(becomes: ModelCase["becomes"]): string {
  if (becomes === "stored") return "stored";
  const [code, fault, again] = becomes.split(" ");
  return `\`${code}\`, the ${fault}'s, ${again === "again" ? "tried again" : "not tried again"}`;
}
