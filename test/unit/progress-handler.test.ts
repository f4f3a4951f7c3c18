import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type MemoryRepository, memoryRepository } from "../../src/adapters/memory.js";
import { UploadError, type UploadRecord } from "../../src/index.js";
import {
  localChannel,
  type ProgressHandler,
  type ProgressHandlerOptions,
  progressHandler,
} from "../../src/integrations/progress.js";
import { deferred, until, uploadOf } from "../support/fakes.js";
import { countedChannel, framesOf, nextOf, progressOf, settledOf } from "../support/progress-streams.js";

const one = uploadOf("1");
const two = uploadOf("2");
const foreign = uploadOf("3", { batchId: "other" });

let repository: MemoryRepository<UploadRecord>;
let channel: ReturnType<typeof countedChannel>;
let handler: ProgressHandler;
const streams = new Set<AbortController>();

function make(options: Partial<ProgressHandlerOptions> = {}): void {
  handler = progressHandler({
    channel,
    repository,
    subject: (request) => {
      const query = new URL(request.url).searchParams;
      const [batchId, uploadId] = [query.get("batch"), query.get("upload")];
      if (batchId === "secret") return new Response("not yours", { status: 403 });
      if (batchId !== null) return { batchId };
      return uploadId === null ? null : { uploadId };
    },
    ...options,
  });
}

beforeEach(() => {
  const batches = [
    { id: "batch", status: "processing" as const },
    { id: "other", status: "processing" as const },
  ];
  repository = memoryRepository({ uploads: [one, two, foreign], batches });
  channel = countedChannel(localChannel());
  make();
});

afterEach(async () => {
  vi.useRealTimers();
  await handler.close();
  for (const stream of streams) stream.abort();
  streams.clear();
  expect(channel.subscribed).toBe(0);
});

function ask(query: string, headers: Record<string, string> = {}): Promise<Response> {
  const controller = new AbortController();
  streams.add(controller);
  return handler.fetch(new Request(`http://localhost/progress?${query}`, { headers, signal: controller.signal }));
}

const watch = async (query: string, headers?: Record<string, string>) => framesOf(await ask(query, headers));
const complete = (id: string) => repository.updateUpload(id, { status: "completed" });

describe("a stream", () => {
  it("begins with a snapshot, goes on with the events of its subject, and tells when the counts have changed", async () => {
    const response = await ask("batch=batch");
    expect(response.headers.get("content-type")).toBe("text/event-stream");
    expect(response.headers.get("cache-control")).toBe("no-store, no-transform");
    const frames = framesOf(response);
    expect(await nextOf(frames)).toEqual({
      id: expect.stringMatching(/^\w+-0$/),
      type: "snapshot",
      data: { status: "processing", total: 2, completed: 0, failed: 0, percentage: 0, etaMs: null },
    });
    await channel.publish(progressOf("1", 30));
    await channel.publish(progressOf("3", 99, { batchId: "other" }));
    await complete("1");
    await channel.publish(settledOf(one));
    expect(await nextOf(frames)).toMatchObject({ type: "upload:progress", data: { uploadId: "1", progress: 30 } });
    expect(await nextOf(frames)).toMatchObject({
      type: "upload:settled",
      data: { uploadId: "1", status: "completed" },
    });
    const { type, data } = await nextOf(frames);
    expect([type, data]).toMatchObject(["snapshot", { completed: 1, percentage: 50 }]);
  });

  it("tells that a batch is completed, though its worker writes that behind the event of the last upload", async () => {
    await handler.close();
    make({ heartbeatMs: 30_000 });
    const frames = await watch("batch=other");
    await nextOf(frames);
    await complete("3");
    await channel.publish(settledOf(foreign));
    expect((await nextOf(frames, "snapshot")).data).toMatchObject({ status: "processing", percentage: 100 });
    await repository.updateBatch("other", { status: "completed" });
    expect((await nextOf(frames, "snapshot")).data).toMatchObject({ status: "completed", percentage: 100 });
  });

  it("of one upload tells of that alone, and how far it is", async () => {
    const frames = await watch("upload=1");
    expect((await nextOf(frames)).data).toMatchObject({ status: "pending", total: 1, percentage: 0, error: null });
    await channel.publish(progressOf("2", 20));
    await channel.publish(progressOf("1", 40));
    expect((await nextOf(frames)).data).toMatchObject({ uploadId: "1", progress: 40 });
    expect((await nextOf(await watch("upload=1"))).data).toMatchObject({ percentage: 40 });
  });

  it("tells no step back when another worker goes on with an upload, and begins at 0 when it is done again", async () => {
    const error = new UploadError("busy", { code: "RATE_LIMITED" }).toJSON();
    const deferredOf = { ...settledOf(one), status: "deferred", error, countsAsAttempt: true };
    const [ofBatch, ofUpload] = [await watch("batch=batch"), await watch("upload=1")];
    const told = async () => {
      const both = [await nextOf(ofBatch, "upload:progress"), await nextOf(ofUpload, "upload:progress")];
      return both.map(({ data }) => data.progress);
    };
    const polled = async () => {
      const { percentage } = Object(await (await ask("upload=1", { accept: "application/json" })).json());
      return percentage;
    };
    await channel.publish(progressOf("1", 85));
    expect(await told()).toEqual([85, 85]);
    await channel.publish(deferredOf);
    await channel.publish({ ...settledOf(one), type: "upload:started", upload: { id: "1" }, starts: 2 });
    expect(await polled()).toBe(85);
    await channel.publish(progressOf("1", 77));
    await channel.publish(progressOf("2", 3));
    expect([await told(), await polled()]).toEqual([[85, 85], 85]);
    expect((await nextOf(ofBatch, "upload:progress")).data).toMatchObject({ uploadId: "2", progress: 3 });
    await channel.publish(progressOf("1", 90));
    expect([await told(), await polled()]).toEqual([[90, 90], 90]);
    await channel.publish(settledOf(one));
    expect(await polled()).toBe(0);
    await channel.publish(progressOf("1", 5));
    expect([await told(), await polled()]).toEqual([[5, 5], 5]);
  });

  it("counts from 0 behind an end that no event told of", async () => {
    const frames = await watch("upload=1");
    await nextOf(frames);
    await channel.publish(progressOf("1", 70));
    await nextOf(frames, "upload:progress");
    await complete("1");
    channel.gap();
    expect((await nextOf(frames, "snapshot")).data).toMatchObject({ status: "completed", percentage: 100 });
    await channel.publish(progressOf("1", 3));
    expect((await nextOf(frames, "upload:progress")).data).toMatchObject({ progress: 3 });
  });

  it("of a batch that has no upload yet tells that nothing is done; one that is completed is", async () => {
    await repository.updateBatch("other", { status: "pending" });
    await repository.deleteUpload("3");
    const empty = { status: "pending", total: 0, completed: 0, failed: 0, percentage: 0, etaMs: null };
    expect((await nextOf(await watch("batch=other"))).data).toEqual(empty);
    await repository.updateBatch("other", { status: "completed" });
    const { data } = await nextOf(await watch("batch=other"));
    expect(data).toEqual({ ...empty, status: "completed", percentage: 100, etaMs: 0 });
  });

  it("tells nobody of a breaker: that is of a service, which all users share", async () => {
    const frames = await watch("batch=batch");
    await nextOf(frames);
    await channel.publish({ v: 1, type: "breaker:closed", at: 1 });
    await channel.publish(progressOf("1", 1));
    expect((await nextOf(frames)).type).toBe("upload:progress");
  });

  it("ends when what it watches is deleted", async () => {
    const frames = await watch("upload=1");
    await nextOf(frames);
    await repository.deleteUpload("1");
    await channel.publish({ ...settledOf(one), status: "deleted" });
    expect((await nextOf(frames, "upload:settled")).data.status).toBe("deleted");
    expect((await frames.next()).done).toBe(true);
    expect((await ask("upload=1")).status).toBe(404);
  });

  it("that is not read costs no more than its bound, holds nobody up, and gets a snapshot when it is read again", async () => {
    const slow = await ask("batch=batch");
    const quick = await watch("batch=batch");
    await nextOf(quick);
    const message = "x".repeat(400);
    for (let n = 1; n <= 2000; n++) {
      await channel.publish(progressOf("1", n % 100, { message, at: n }));
      if (n % 50 === 0) while ((await nextOf(quick, "upload:progress", "snapshot")).data.at !== n);
    }
    await complete("1");
    const frames = framesOf(slow);
    let bytes = 0;
    const seen: unknown[] = [];
    await nextOf(frames);
    for (;;) {
      const { type, data } = await nextOf(frames);
      if (type === "snapshot" && data.completed === 1) break;
      bytes += JSON.stringify(data).length;
      seen.push(data.at);
    }
    expect(seen.length).toBeGreaterThan(0);
    expect(bytes).toBeLessThan(150_000); // of 900,000
    await channel.publish(progressOf("1", 7, { at: 5000 }));
    expect((await nextOf(frames, "upload:progress")).data.at).toBe(5000);
  });
});

describe("a stream whose snapshot is long in coming", () => {
  /** A stream that has begun without one, and what its reading answers, or throws. */
  async function begun(reading: ReturnType<typeof deferred<UploadRecord | null>>) {
    const findUpload = vi.fn(() => reading.promise);
    make({ repository: { ...repository, findUpload } });
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const asking = ask("upload=1");
    while (findUpload.mock.calls.length === 0) await new Promise(setImmediate);
    vi.advanceTimersByTime(1000);
    const response = await asking;
    expect(response.status).toBe(200);
    const [shown, rest] = response.body?.tee() ?? [];
    expect(new TextDecoder().decode((await shown?.getReader().read())?.value)).toBe(": alive\n\n");
    return framesOf(new Response(rest));
  }

  it("shows meanwhile that it is there", async () => {
    const reading = deferred<UploadRecord | null>();
    const frames = await begun(reading);
    reading.resolve(one);
    expect(await nextOf(frames)).toMatchObject({ type: "snapshot", data: { status: "pending" } });
    await channel.publish(progressOf("1", 5));
    vi.advanceTimersByTime(50);
    expect((await nextOf(frames)).data.progress).toBe(5);
  });

  it("ends where there is nothing", async () => {
    const reading = deferred<UploadRecord | null>();
    const frames = await begun(reading);
    reading.resolve(null);
    expect((await frames.next()).done).toBe(true);
    expect((await ask("upload=1")).status).toBe(404);
  });

  it("ends where it cannot be read", async () => {
    const reading = deferred<UploadRecord | null>();
    const frames = await begun(reading);
    reading.reject(new Error("gone"));
    expect((await frames.next()).done).toBe(true);
    expect((await ask("upload=1")).status).toBe(503);
  });
});

describe("who comes back", () => {
  it("gets what was missed, and no snapshot before it", async () => {
    const frames = await watch("batch=batch");
    await nextOf(frames);
    await channel.publish(progressOf("1", 10));
    const { id = "" } = await nextOf(frames);
    await frames.return(undefined);
    await channel.publish(progressOf("1", 20));
    await channel.publish(progressOf("3", 50, { batchId: "other" }));
    await channel.publish(progressOf("2", 30));
    const again = await watch("batch=batch", { "last-event-id": id });
    expect((await nextOf(again)).data).toMatchObject({ uploadId: "1", progress: 20 });
    expect((await nextOf(again)).data).toMatchObject({ uploadId: "2", progress: 30 });
    await channel.publish(progressOf("2", 31));
    expect((await nextOf(again, "upload:progress")).data.progress).toBe(31);
  });

  it.each([
    ["of another process", "ffffffff-1"],
    ["of nobody", "1"],
  ])("with an id %s gets a snapshot", async (_, id) => {
    expect((await nextOf(await watch("batch=batch", { "last-event-id": id }))).type).toBe("snapshot");
  });

  it("is told that what was watched is not there any more", async () => {
    vi.useFakeTimers({ toFake: ["performance"] });
    const frames = await watch("upload=1");
    const { id = "" } = await nextOf(frames);
    await frames.return(undefined);
    expect((await ask("upload=1", { "last-event-id": id })).status).toBe(200);
    await repository.deleteUpload("1");
    vi.advanceTimersByTime(1000);
    expect((await ask("upload=1", { "last-event-id": id })).status).toBe(404);
  });

  it("is not refused while the repository cannot be read", async () => {
    vi.useFakeTimers({ toFake: ["performance"] });
    const frames = await watch("batch=batch");
    const { id = "" } = await nextOf(frames);
    vi.advanceTimersByTime(1000);
    vi.spyOn(repository, "countUploads").mockRejectedValue(new Error("gone"));
    const again = await watch("batch=batch", { "last-event-id": id });
    await channel.publish(progressOf("1", 5));
    expect((await nextOf(again)).data.progress).toBe(5);
  });

  it("after more than is kept, or after a gap of the channel, gets a snapshot", async () => {
    const frames = await watch("batch=batch");
    const { id = "" } = await nextOf(frames);
    await frames.return(undefined);
    for (let n = 0; n < 2500; n++) await channel.publish(progressOf("1", 1));
    expect((await nextOf(await watch("batch=batch", { "last-event-id": id }))).type).toBe("snapshot");
    await channel.publish(progressOf("1", 2));
    const seen = await watch("batch=batch");
    const { id: last = "" } = await nextOf(seen);
    channel.gap();
    expect((await nextOf(await watch("batch=batch", { "last-event-id": last }))).type).toBe("snapshot");
    expect((await nextOf(seen)).type).toBe("snapshot");
  });

  it("after more bytes than are kept for a stream gets a snapshot", async () => {
    const frames = await watch("batch=batch");
    const { id = "" } = await nextOf(frames);
    await frames.return(undefined);
    const upload = { ...one, description: "x".repeat(4000) };
    for (let n = 0; n < 20; n++) await channel.publish(settledOf(upload, ["description"]));
    expect((await nextOf(await watch("batch=batch", { "last-event-id": id }))).type).toBe("snapshot");
  });
});

describe.each(["one after the other", "at once"])("many more than are kept for who polls, %s,", (how) => {
  it("are told of events, each of its own", async () => {
    await handler.close();
    const open = { ...repository, findBatch: async (id: string) => ({ id, status: "processing" as const }) };
    make({ repository: { ...open, countUploads: async () => ({ pending: 1 }) } });
    const subjects = Array.from({ length: 1200 }, (_, n) => String(n));
    const begin = async (id: string) => {
      const frames = await watch(`batch=${id}`);
      await nextOf(frames);
      return frames;
    };
    const all: Awaited<ReturnType<typeof watch>>[] = [];
    if (how === "at once") all.push(...(await Promise.all(subjects.map(begin))));
    else for (const id of subjects) all.push(await begin(id));
    for (const id of subjects) await channel.publish(progressOf(id, 50, { batchId: id }));
    const told = await Promise.all(all.map(async (frames) => (await nextOf(frames, "upload:progress")).data.uploadId));
    expect(told).toEqual(subjects);
  });
});

describe("a request", () => {
  it("that takes JSON gets the snapshot alone", async () => {
    await complete("1");
    await repository.updateUpload("2", { status: "failed", errorCode: "INVALID_MEDIA", errorMessage: "It is damaged" });
    const batch = await ask("batch=batch", { accept: "application/json" });
    expect(await batch.json()).toEqual({
      status: "processing",
      total: 2,
      completed: 1,
      failed: 1,
      percentage: 100,
      etaMs: 0,
    });
    const upload = await ask("upload=2", { accept: "application/json" });
    expect(await upload.json()).toMatchObject({
      status: "failed",
      error: { code: "INVALID_MEDIA", message: "It is damaged" },
    });
    expect(channel.subscribed).toBe(0);
  });

  it("for what is not to be seen, or not there, gets no more than that", async () => {
    const refused = await ask("batch=secret");
    expect([refused.status, await refused.text()]).toEqual([403, "not yours"]);
    expect(channel.subscribed).toBe(0);
    expect((await ask("")).status).toBe(404);
    expect((await ask("batch=nobody")).status).toBe(404);
    expect((await ask("upload=nobody", { accept: "application/json" })).status).toBe(404);
    const post = await handler.fetch(new Request("http://localhost/?batch=batch", { method: "POST" }));
    expect([post.status, post.headers.get("allow")]).toEqual([405, "GET"]);
  });

  it("rejects with what subject throws, and with what is no subject", async () => {
    make({ subject: () => Promise.reject(new Error("no session store")) });
    await expect(ask("batch=batch")).rejects.toThrow("no session store");
    make({ subject: () => ({ batchId: 7 }) as never });
    await expect(ask("batch=batch")).rejects.toThrow("subject: expected { batchId } or { uploadId }");
  });

  it("gets 503 while the repository cannot be read, which is logged once, and streams go on", async () => {
    const warn = vi.fn();
    const logger = { debug: () => {}, info: () => {}, error: () => {}, warn };
    make({ logger });
    const frames = await watch("batch=batch");
    await nextOf(frames);
    vi.spyOn(repository, "countUploads").mockRejectedValue(new Error("gone"));
    for (let n = 0; n < 3; n++) expect((await ask("batch=batch")).status).toBe(503);
    expect(warn).toHaveBeenCalledTimes(1);
    await channel.publish(progressOf("1", 5));
    expect((await nextOf(frames)).data.progress).toBe(5);
  });
});

describe("many", () => {
  it("share one subscription, and one read of what they watch", async () => {
    const held = deferred();
    const count = vi.fn(async (...given: Parameters<typeof repository.countUploads>) => {
      await held.promise;
      return repository.countUploads(...given);
    });
    make({ repository: { ...repository, countUploads: count } });
    const opening = Array.from({ length: 100 }, () => watch("batch=batch"));
    await until(() => count.mock.calls.length > 0);
    await new Promise(setImmediate);
    await channel.publish(progressOf("1", 50)); // while it is read
    held.resolve();
    const frames = await Promise.all(opening);
    for (const each of frames) {
      expect((await nextOf(each)).type).toBe("snapshot");
      expect((await nextOf(each)).data.progress).toBe(50);
    }
    expect(count).toHaveBeenCalledTimes(1);
    expect(channel.subscribed).toBe(1);
  });

  it("come back one after the other, and what they watch is not read for each", async () => {
    vi.useFakeTimers({ toFake: ["performance"] });
    const frames = await watch("batch=batch");
    const { id = "" } = await nextOf(frames);
    const count = vi.spyOn(repository, "countUploads");
    for (let n = 0; n < 100; n++) expect((await ask("batch=batch", { "last-event-id": id })).status).toBe(200);
    expect(count).not.toHaveBeenCalled();
  });
});

it("closes: streams end, later requests get 503, and no timer is left", async () => {
  vi.useFakeTimers({ toFake: ["setInterval", "setTimeout", "clearInterval", "clearTimeout"] });
  const frames = await watch("batch=batch");
  await nextOf(frames);
  await channel.publish(settledOf(one));
  expect(vi.getTimerCount()).toBeGreaterThan(0);
  await handler.close();
  const rest: string[] = [];
  for await (const { type } of frames) rest.push(type);
  expect(rest).toEqual(["upload:settled"]);
  expect((await ask("batch=batch")).status).toBe(503);
  expect(vi.getTimerCount()).toBe(0);
});

it("closes while a stream is about to begin: it ends at once, and no timer is left", async () => {
  const held = deferred();
  const count = vi.fn(async (...given: Parameters<typeof repository.countUploads>) => {
    await held.promise;
    return repository.countUploads(...given);
  });
  make({ repository: { ...repository, countUploads: count } });
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
  const asking = watch("batch=batch");
  while (count.mock.calls.length === 0) await new Promise(setImmediate);
  await handler.close();
  held.resolve();
  expect((await (await asking).next()).done).toBe(true);
  expect(vi.getTimerCount()).toBe(0);
});

describe("a client that leaves", () => {
  it("ends its stream without an error, and leaves no timer", async () => {
    vi.useFakeTimers({ toFake: ["setInterval", "setTimeout", "clearInterval", "clearTimeout"] });
    const frames = await watch("batch=batch");
    await nextOf(frames);
    expect(vi.getTimerCount()).toBe(1);
    for (const stream of streams) stream.abort();
    expect((await frames.next()).done).toBe(true);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("before its response is made has no stream", async () => {
    const asked = deferred();
    make({ subject: () => asked.promise.then(() => ({ batchId: "batch" })) });
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
    const asking = watch("batch=batch");
    for (const stream of streams) stream.abort();
    asked.resolve();
    expect((await (await asking).next()).done).toBe(true);
    expect(vi.getTimerCount()).toBe(0);
  });
});

it("finds at a heartbeat what the channel has lost", async () => {
  make({ heartbeatMs: 20 });
  const frames = await watch("batch=batch");
  await nextOf(frames);
  await complete("1");
  expect(await nextOf(frames)).toMatchObject({ type: "snapshot", data: { completed: 1 } });
});

it("goes on with snapshots alone while the channel cannot be subscribed to, and with events when it can", async () => {
  const warn = vi.fn();
  let isDown = true;
  const flaky: typeof channel.subscribe = async (...given) => {
    if (isDown) throw new Error("no broker");
    return channel.subscribe(...given);
  };
  const logger = { debug: () => {}, info: () => {}, error: () => {}, warn };
  make({ channel: { ...channel, subscribe: flaky }, heartbeatMs: 20, logger });
  const frames = await watch("batch=batch");
  await nextOf(frames);
  await complete("1");
  expect((await nextOf(frames)).data.completed).toBe(1);
  isDown = false;
  await until(() => channel.subscribed === 1);
  await channel.publish(progressOf("2", 60));
  expect((await nextOf(frames, "upload:progress")).data.progress).toBe(60);
  expect(warn).toHaveBeenCalledTimes(1);
});

it("refuses options that are not as they should be", () => {
  const options = { channel, repository, subject: () => null };
  expect(() => progressHandler({ ...options, hearbeatMs: 1 } as never)).toThrow(
    "options.hearbeatMs: unknown; known are channel",
  );
  expect(() => progressHandler({ ...options, heartbeatMs: 0 })).toThrow("heartbeatMs: expected milliseconds from 1");
  expect(() => progressHandler({ ...options, heartbeatMs: 60_000 })).toThrow("from 1 to 30000");
  expect(() => progressHandler({ ...options, subject: "batch" as never })).toThrow("subject: expected a function");
  expect(() => progressHandler({ ...options, channel: {} as never })).toThrow("channel.subscribe: expected a function");
});
