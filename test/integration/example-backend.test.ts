import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterEach, beforeEach, expect, it } from "vitest";
import { type Backend, createBackend } from "../../examples/backend/backend.js";
import { localAI } from "../../src/adapters/local-ai.js";
import { type MemoryRepository, memoryRepository } from "../../src/adapters/memory.js";
import type { AIAdapter, UploadRecord } from "../../src/index.js";
import { deferred, until, untilAborted } from "../support/fakes.js";
import { photo } from "../support/images.js";

const MAX_BYTES = 400_000;

let folder: string;
let repository: MemoryRepository<UploadRecord>;
let backend: Backend;
let base: string;

async function start(ai: AIAdapter = localAI()): Promise<void> {
  backend = createBackend({ folder, repository, ai, maxBytes: MAX_BYTES, heartbeatMs: 20 });
  await new Promise<void>((resolve) => backend.server.listen(0, "127.0.0.1", resolve));
  base = `http://127.0.0.1:${(backend.server.address() as AddressInfo).port}`;
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "backend-test-"));
  repository = memoryRepository<UploadRecord>();
});

afterEach(async () => {
  await backend.close();
  rmSync(folder, { recursive: true });
});

function post(body: Uint8Array<ArrayBuffer> | string, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(`${base}/uploads`, { method: "POST", body, headers: { "content-type": "image/png", ...headers } });
}

const cat = () => new Uint8Array(photo("cat.png"));
const originals = () => (existsSync(join(folder, "originals")) ? readdirSync(join(folder, "originals")) : []);
const thumbnails = () => (existsSync(join(folder, "thumbnails")) ? readdirSync(join(folder, "thumbnails")) : []);

interface ServerEvent {
  readonly event: string;
  readonly data: { id: string; status?: string; progress?: number; stage?: string; error?: { code: string } };
}

/** The events of a stream, as they come; heartbeats are counted in `alive`. */
async function* eventsOf(path: string, alive = { count: 0 }): AsyncGenerator<ServerEvent> {
  const response = await fetch(`${base}${path}`);
  expect(response.headers.get("content-type")).toBe("text/event-stream");
  let text = "";
  for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    text += chunk;
    const blocks = text.split("\n\n");
    text = blocks.pop() ?? "";
    for (const block of blocks) {
      const [, event, data] = /^event: (.*)\ndata: (.*)$/.exec(block) ?? [];
      if (event && data) yield { event, data: JSON.parse(data) };
      else alive.count++;
    }
  }
}

it("takes a photo, tells how far it is until it is settled, and serves what was made of it", async () => {
  const describing = deferred();
  const ai = localAI();
  await start({
    ...ai,
    async describe(media) {
      await describing.promise;
      return ai.describe(media);
    },
  });
  const response = await post(cat(), { "x-file-name": encodeURIComponent("Käthe.png") });
  expect(response.status).toBe(201);
  const { id } = (await response.json()) as { id: string };
  expect(response.headers.get("location")).toBe(`/uploads/${id}`);

  const alive = { count: 0 };
  const events: ServerEvent[] = [];
  for await (const event of eventsOf(`/uploads/${id}/events`, alive)) {
    events.push(event);
    if (event.data.stage === "describe") setTimeout(describing.resolve, 100);
  }
  const settled = events.at(-1);
  expect(settled).toMatchObject({ event: "settled", data: { id, status: "completed", fileName: "Käthe.png" } });
  expect(events.filter(({ event }) => event === "settled")).toHaveLength(1);
  const progress = events.flatMap(({ data }) => data.progress ?? []);
  expect(progress).toEqual([...progress].sort((a, b) => a - b));
  expect(progress.at(-1)).toBe(100);
  expect(alive.count).toBeGreaterThan(1);

  const upload = (await (await fetch(`${base}/uploads/${id}`)).json()) as Record<string, unknown>;
  expect(upload).toMatchObject({ status: "completed", description: expect.stringMatching(/brown/), error: null });
  expect(upload).not.toHaveProperty("storageKey");
  const thumbnail = await fetch(`${base}${upload.thumbnail}`);
  expect(thumbnail.headers.get("content-type")).toBe("image/jpeg");
  expect(await sharp(await thumbnail.arrayBuffer()).metadata()).toMatchObject({ format: "jpeg", width: 256 });

  // Who comes late is told at once.
  const late: ServerEvent[] = [];
  for await (const event of eventsOf(`/uploads/${id}/events`)) late.push(event);
  expect(late).toEqual([settled]);
});

it("tells of all uploads on one stream, and why one has failed", async () => {
  await start();
  const events = eventsOf("/events");
  const first = events.next();
  await post("no image at all");
  expect((await first).value).toMatchObject({ event: "progress" });
  for await (const { event, data } of events) {
    if (event !== "settled") continue;
    expect(data).toMatchObject({ status: "failed", error: { code: "INVALID_MEDIA" } });
    break; // the client leaves, and nobody is written to any more
  }
});

it("deletes an upload while the model is at it: nothing is left", async () => {
  let aborted = false;
  await start({
    async describe(_, { signal }) {
      await untilAborted(signal).finally(() => {
        aborted = true;
      });
      return "";
    },
  });
  const { id } = (await (await post(cat())).json()) as { id: string };
  const outcomes: unknown[] = [];
  for await (const { event, data } of eventsOf(`/uploads/${id}/events`)) {
    if (event === "settled") outcomes.push(data);
    if (data.stage === "describe" && outcomes.length === 0 && thumbnails().length > 0)
      expect((await fetch(`${base}/uploads/${id}`, { method: "DELETE" })).status).toBe(204);
  }
  expect(outcomes).toEqual([{ id, status: "deleted" }]);
  expect(aborted).toBe(true);
  expect([...originals(), ...thumbnails()]).toEqual([]);
  expect((await fetch(`${base}/uploads/${id}`)).status).toBe(404);
  expect((await fetch(`${base}/uploads/${id}`, { method: "DELETE" })).status).toBe(404);
});

it.each([
  ["another type", () => post(cat(), { "content-type": "text/plain" }), 415],
  ["nothing", () => post(""), 400],
  ["a name that is not encoded", () => post(cat(), { "x-file-name": "100%" }), 400],
  ["more than is let in", () => post(new Uint8Array(MAX_BYTES + 1)), 413],
  ["an unknown upload", () => fetch(`${base}/uploads/nobody`), 404],
  ["events of an unknown upload", () => fetch(`${base}/uploads/nobody/events`), 404],
  ["a thumbnail of an unknown upload", () => fetch(`${base}/thumbnails/nobody`), 404],
  ["a path out of the folder", () => fetch(`${base}/thumbnails/..%2Foriginals`), 404],
  ["another method", () => fetch(`${base}/uploads`, { method: "PUT" }), 405],
])("refuses %s", async (_, send, status) => {
  await start();
  const response = await send();
  expect(response.status).toBe(status);
  expect(await response.json()).toEqual({ error: expect.any(String) });
  expect(originals()).toEqual([]);
});

it("refuses a body that turns out to be too large, and keeps nothing of one that is cut off", async () => {
  await start();
  const sending = (send: (outgoing: ReturnType<typeof request>) => void) =>
    new Promise<number | undefined>((resolve) => {
      const options = { method: "POST", headers: { "content-type": "image/png", "transfer-encoding": "chunked" } };
      const outgoing = request(`${base}/uploads`, options, (response) => resolve(response.resume().statusCode));
      outgoing.on("error", () => resolve(undefined));
      send(outgoing);
    });
  expect(await sending((outgoing) => outgoing.end(new Uint8Array(2 * MAX_BYTES)))).toBe(413);
  const cutOff = (outgoing: ReturnType<typeof request>) => {
    outgoing.write(cat().subarray(0, 1000));
    setTimeout(() => outgoing.destroy(), 50);
  };
  expect(await sending(cutOff)).toBeUndefined();
  await until(() => originals().length === 0);
});

it("continues what an earlier process left", async () => {
  await start();
  writeFileSync(join(folder, "cat.png"), cat());
  const upload = { id: "1", batchId: "inbox", storageKey: "cat.png", status: "analyzing" } as const;
  await repository.addUploads([upload, { ...upload, id: "2", status: "completed", description: "A cat." }]);
  await backend.recover();
  expect(await repository.findUpload("1")).toMatchObject({ status: "completed" });
  expect(await repository.findUpload("2")).toMatchObject({ description: "A cat." });
});

it("closes in good order: what is in work ends, and streams are ended", async () => {
  const describing = deferred();
  await start({
    async describe() {
      await describing.promise;
      return "A cat.";
    },
  });
  const { id } = (await (await post(cat())).json()) as { id: string };
  let events = 0;
  let closed: Promise<void> | undefined;
  for await (const { data } of eventsOf("/events")) {
    events++;
    if (data.stage !== "describe" || closed) continue;
    closed = backend.close();
    describing.resolve();
  }
  await closed;
  expect(events).toBeGreaterThan(0);
  expect(await repository.findUpload(id)).toMatchObject({ status: "completed", description: "A cat." });
  await expect(fetch(`${base}/uploads/${id}`)).rejects.toThrow("fetch failed");
});
