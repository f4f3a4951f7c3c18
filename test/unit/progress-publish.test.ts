import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { BatchProcessor, type Logger, UploadError, type UploadEventPayloads, type WireEvent } from "../../src/index.js";
import { type Channel, publishTo } from "../../src/integrations/progress.js";
import { deferred, ids, until, worldOf } from "../support/fakes.js";

/** A channel that keeps what it is given. */
function recorder() {
  const events: WireEvent[] = [];
  const channel = {
    publish: vi.fn(async (event: WireEvent) => void events.push(event)),
    subscribe: async () => async () => {},
  } satisfies Channel;
  return { channel, events, types: () => events.map(({ type }) => type) };
}

function recordingLogger() {
  const warn = vi.fn<Logger["warn"]>();
  return { debug: () => {}, info: () => {}, error: () => {}, warn };
}

type Name = keyof UploadEventPayloads;

/** Calls a listener of the plugin as the library does. */
function teller(plugin: ReturnType<typeof publishTo>) {
  return <N extends Name>(type: N, fields: Partial<UploadEventPayloads[N]> = {}) =>
    plugin.on?.[type]?.({ type, uploadId: "1", batchId: "b", at: 0, ...fields } as unknown as UploadEventPayloads[N]);
}

const progress = (stage: string, value: number) => ({
  stage,
  progress: value,
  status: "analyzing" as const,
  attempt: 1,
});

describe("in the time of a test", () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval", "performance"] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it("tells nothing but the outcome of an upload that takes less than 200 ms", () => {
    const { channel, types } = recorder();
    const tell = teller(publishTo(channel));
    tell("upload:started", { upload: { id: "1", storageKey: "k", status: "analyzing" }, starts: 1 });
    tell("upload:progress", progress("describe", 10));
    vi.advanceTimersByTime(150);
    tell("upload:progress", progress("embed", 80));
    tell("upload:settled", { status: "deleted" });
    vi.advanceTimersByTime(5000);
    expect(types()).toEqual(["upload:settled"]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("tells of others each new stage, and at most one event a second besides: the latest", () => {
    const { channel, events } = recorder();
    const tell = teller(publishTo(channel));
    tell("upload:started", { upload: { id: "1", storageKey: "k", status: "analyzing" }, starts: 1 });
    for (let ms = 0; ms < 3000; ms += 50) {
      vi.advanceTimersByTime(50);
      tell("upload:progress", progress(ms < 1500 ? "describe" : "embed", ms / 50));
    }
    const told = events.filter(({ type }) => type === "upload:progress");
    expect(events[0]).toMatchObject({ type: "upload:started", upload: { id: "1" } });
    expect(told.map(({ stage }) => stage)).toEqual(["describe", "describe", "embed", "embed"]);
    expect(told.map((event) => event.progress)).toEqual([2, 22, 30, 50]);
    // Nothing comes any more, and the last is told all the same.
    vi.advanceTimersByTime(1100);
    expect(events.at(-1)).toMatchObject({ stage: "embed", progress: 59 });
    const before = events.length;
    vi.advanceTimersByTime(10_000);
    expect(events).toHaveLength(before);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("takes a warning for no new stage, whatever stage that is of", () => {
    const { channel, types } = recorder();
    const tell = teller(publishTo(channel));
    tell("upload:started");
    const error = new UploadError("a listener threw", { code: "EVENT_LISTENER_FAILED" });
    for (let ms = 0; ms < 2000; ms += 50) {
      vi.advanceTimersByTime(50);
      tell("upload:progress", progress("describe", ms / 50));
      tell("upload:warning", { error, stage: null });
    }
    expect(types().length).toBeLessThan(6);
  });

  it("tells that it waits for its next attempt, however long that is", () => {
    const { channel, types } = recorder();
    const tell = teller(publishTo(channel));
    tell("upload:started");
    vi.advanceTimersByTime(300);
    tell("upload:progress", progress("describe", 10));
    const error = new UploadError("busy", { code: "RATE_LIMITED" });
    tell("upload:retry", { attempt: 1, maxAttempts: 3, delayMs: 60_000, error });
    vi.advanceTimersByTime(1100);
    expect(types()).toEqual(["upload:started", "upload:progress", "upload:retry"]);
  });

  it("tells of a batch at most once a second, and how it ended at once", () => {
    const { channel, types } = recorder();
    const tell = teller(publishTo(channel));
    tell("batch:started", { batch: null, counts: null });
    for (let processed = 0; processed < 20; processed++) {
      vi.advanceTimersByTime(100);
      tell("batch:progress", { processed });
    }
    tell("batch:settled", { status: "completed" });
    expect(types()).toEqual(["batch:started", "batch:progress", "batch:progress", "batch:settled"]);
    expect(vi.getTimerCount()).toBe(0);
  });
});

it("sends of the record what was asked for, and nothing else", async () => {
  const world = worldOf(ids(1));
  const { channel, events, types } = recorder();
  const isToldAtLength = () => types().includes("upload:progress");
  world.ai.describe.mockImplementation(async () => {
    await until(isToldAtLength);
    return "A photo";
  });
  const processor = new BatchProcessor({ ...world, plugins: [publishTo(channel, { fields: ["description"] })] });
  await processor.process("batch");
  await processor.close();
  await until(() => events.some(({ type }) => type === "batch:settled"));
  const settled = events.find(({ type }) => type === "upload:settled");
  expect(settled?.upload).toEqual({ id: "u0000", description: "A photo" });
  expect(await world.repository.findUpload("u0000")).toMatchObject({ fileName: "u0000.jpg" });
  expect(types()).toEqual(expect.arrayContaining(["batch:started", "upload:started", "upload:progress"]));
  expect(JSON.stringify(events)).not.toContain("u0000.jpg");
});

it("keeps no upload waiting for a channel that never answers, and bounds what waits for it", async () => {
  const never = deferred();
  const world = worldOf(ids(1500));
  const publish = vi.fn(() => never.promise);
  const logger = recordingLogger();
  const plugins = [publishTo({ publish, subscribe: async () => async () => {} })];
  const processor = new BatchProcessor({ ...world, thumbnail: false, logger, plugins });
  const result = await processor.process("batch");
  await processor.close();
  expect(result).toMatchObject({ completed: 1500, failed: 0 });
  expect(publish.mock.calls.length).toBeLessThanOrEqual(64);
  // The last one asks as late as any: by then it would have been told twice.
  await until(() => logger.warn.mock.calls.length > 0);
  await new Promise(setImmediate);
  expect(logger.warn.mock.calls.map(([, message]) => message)).toEqual([expect.stringContaining("does not keep up")]);
  never.resolve();
});

it("warns once per outage of the channel, and is no warning of an upload", async () => {
  const uploads = ids(60);
  const world = worldOf(uploads);
  const logger = recordingLogger();
  let isDown = false;
  const channel: Channel = {
    async publish() {
      if (isDown) throw new Error("nobody is there");
    },
    subscribe: async () => async () => {},
  };
  const processor = new BatchProcessor({ ...world, logger, plugins: [publishTo(channel)] });
  const run = async (from: number) => {
    const results: unknown[] = [];
    for (const { id } of uploads.slice(from, from + 20)) {
      const { status, warnings } = await processor.processUpload(id);
      results.push([status, warnings]);
    }
    expect(results).toEqual(Array(20).fill(["completed", []]));
    await new Promise(setImmediate); // rejections of listeners are told behind them
  };
  isDown = true;
  await run(0);
  isDown = false;
  await run(20);
  isDown = true;
  await run(40);
  await processor.close();
  expect(logger.warn.mock.calls.map(([, message]) => message)).toEqual(
    Array(2).fill(expect.stringContaining("nobody is there")),
  );
});

it("refuses what is no channel, and unknown options", () => {
  const { channel } = recorder();
  expect(() => publishTo({} as Channel)).toThrow("channel.publish: expected a function, got undefined");
  expect(() => publishTo(channel, { field: ["a"] } as object)).toThrow("options.field: unknown; known are fields");
  expect(() => publishTo(channel, { fields: "description" as never })).toThrow("fields: expected a list");
});

describe("what was paid", () => {
  const timing = { stage: "describe", attempt: 1, durationMs: 5, waitedMs: 0, outcome: "ok" as const };
  const cost = { cost: 0.25, requests: 1 };

  async function told(options?: Parameters<typeof publishTo>[1]) {
    const { channel, events } = recorder();
    const tell = teller(publishTo(channel, options));
    tell("upload:settled", { status: "deleted", usage: cost, stages: [{ ...timing, usage: cost }] });
    tell("batch:settled", { usage: cost, usageByStage: { describe: cost } });
    await until(() => events.length === 2);
    return events.map(({ usage, usageByStage, stages }) => ({ usage, usageByStage, stages }));
  }

  it("stays with the workers by default: everybody who may watch gets what is published", async () => {
    expect(await told()).toEqual([
      { usage: {}, usageByStage: undefined, stages: [timing] },
      { usage: {}, usageByStage: {}, stages: undefined },
    ]);
  });

  it("is sent where that is wanted", async () => {
    expect(await told({ usage: true })).toEqual([
      { usage: cost, usageByStage: undefined, stages: [{ ...timing, usage: cost }] },
      { usage: cost, usageByStage: { describe: cost }, stages: undefined },
    ]);
    expect(() => publishTo(recorder().channel, { usage: "yes" as never })).toThrow(/usage: expected true or false/);
  });
});
