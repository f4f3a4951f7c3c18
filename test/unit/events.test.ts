import { EventEmitter } from "eventemitter3";
import { describe, expect, test, vi } from "vitest";
import {
  processUploadWithRetry,
  UploadEventEmitter,
  type UploadEventMap,
  type UploadProgressEvent,
} from "../../src/index.js";
import { deferred, until, untilAborted, uploadOf, worldOf } from "../support/fakes.js";

const plain = { thumbnail: false } as const;

describe("events of one upload", () => {
  test("one started, one settled, nothing after it; payloads are frozen and carry ids and time", async () => {
    const world = worldOf([uploadOf("a")]);
    const events = new UploadEventEmitter();
    const seen: [string, object][] = [];
    for (const name of [
      "upload:started",
      "upload:progress",
      "upload:retry",
      "upload:warning",
      "upload:settled",
    ] as const)
      events.on(name, (payload) => void seen.push([name, payload]));
    world.ai.describe.mockRejectedValueOnce(new Error("once"));
    const result = await processUploadWithRetry("a", world, { ...plain, events, retry: { minTimeout: 1 } });
    const names = seen.map(([name]) => name);
    expect(names[0]).toBe("upload:started");
    expect(names.at(-1)).toBe("upload:settled");
    expect(names.filter((name) => name === "upload:settled")).toHaveLength(1);
    expect(names.filter((name) => name === "upload:retry")).toHaveLength(1);
    for (const [, payload] of seen) {
      expect(Object.isFrozen(payload)).toBe(true);
      expect(payload).toMatchObject({
        type: expect.any(String),
        uploadId: "a",
        batchId: "batch",
        at: expect.any(Number),
      });
    }
    expect(seen.at(-1)?.[1]).toEqual({
      ...result,
      type: "upload:settled",
      uploadId: "a",
      batchId: "batch",
      at: expect.any(Number),
    });
  });

  test("progress is an integer that never decreases, over retries too; 100 comes only with completed", async () => {
    const world = worldOf([uploadOf("a"), uploadOf("b")]);
    const steps: UploadProgressEvent[] = [];
    world.ai.describe.mockImplementation(async (_, { attempt, reportProgress }) => {
      reportProgress(attempt === 1 ? 0.8 : 0.1);
      // Of what comes within 100 ms only the last is told: the first attempt ends after its 0.8 was.
      if (attempt === 1) await until(() => steps.some(({ progress }) => progress > 50));
      reportProgress(0.2);
      reportProgress(Number.NaN);
      reportProgress(7);
      if (attempt === 1) throw new Error("once");
      return "text";
    });
    const options = { retry: { minTimeout: 1 }, onProgress: (step: UploadProgressEvent) => void steps.push(step) };
    await processUploadWithRetry("a", world, options);
    const values = steps.map(({ progress }) => progress);
    expect(values).toEqual([...values].sort((x, y) => x - y));
    expect(values.every(Number.isInteger)).toBe(true);
    expect(values[0]).toBe(0);
    expect(values.at(-1)).toBe(100);
    expect(steps.filter(({ progress }) => progress === 100)).toHaveLength(1);
    expect(steps.at(-1)).toMatchObject({ status: "completed" });
    expect(new Set(steps.map(({ stage }) => stage))).toEqual(
      new Set(["claim", "thumbnail", "describe", "embed", "save"]),
    );

    steps.length = 0;
    world.ai.describe.mockRejectedValue(new Error("always"));
    await processUploadWithRetry("b", world, options);
    expect(Math.max(...steps.map(({ progress }) => progress))).toBeLessThan(100);
  });

  test("where the adapter reports nothing, the progress is estimated and stays within the stage's band", async () => {
    const world = worldOf([uploadOf("a")]);
    const steps: UploadProgressEvent[] = [];
    const gate = deferred<string>();
    world.ai.describe.mockImplementation(() => gate.promise);
    const running = processUploadWithRetry("a", world, { ...plain, onProgress: (step) => void steps.push(step) });
    await until(() => steps.filter(({ estimated }) => estimated).length >= 3);
    gate.resolve("text");
    await running;
    // Without a thumbnail: 5 of 95 go to opening, 65 to describing.
    const estimates = steps.filter(({ estimated }) => estimated);
    expect(estimates.every(({ progress, stage }) => stage === "describe" && progress >= 5 && progress < 73)).toBe(true);
  });

  test("at most one event per upload in 100 ms besides those of stage changes", async () => {
    const world = worldOf([uploadOf("a")]);
    const steps: UploadProgressEvent[] = [];
    world.ai.describe.mockImplementation(async (_, { reportProgress }) => {
      for (let step = 0; step < 1000; step++) reportProgress(step / 1000);
      return "text";
    });
    await processUploadWithRetry("a", world, { ...plain, onProgress: (step) => void steps.push(step) });
    expect(steps.filter(({ stage }) => stage === "describe").length).toBeLessThanOrEqual(4);
  });
});

describe("listeners", () => {
  test("that throw or reject become warnings, and the others still run", async () => {
    const world = worldOf([uploadOf("a")]);
    const events = new UploadEventEmitter();
    const after = vi.fn();
    events.on("upload:started", () => {
      throw new Error("sync");
    });
    events.on("upload:started", async () => {
      throw new Error("async");
    });
    events.on("upload:started", after);
    const gate = deferred<string>();
    world.ai.describe.mockImplementation(() => gate.promise);
    const running = processUploadWithRetry("a", world, { ...plain, events });
    await until(() => world.ai.describe.mock.calls.length > 0);
    gate.resolve("text");
    const result = await running;
    expect(result.status).toBe("completed");
    expect(after).toHaveBeenCalledTimes(1);
    expect(result.warnings.map(({ code, message }) => [code, message])).toEqual([
      ["LISTENER_FAILED", "A listener of upload:started failed: sync"],
      ["LISTENER_FAILED", "A listener of upload:started failed: async"],
    ]);
  });

  test("of warnings and of the settled event that throw are only logged", async () => {
    const world = worldOf([uploadOf("a")]);
    const events = new UploadEventEmitter();
    const warn = vi.fn();
    const logger = { debug() {}, info() {}, warn, error() {} };
    events.on("upload:warning", () => {
      throw new Error("warning listener");
    });
    events.on("upload:settled", () => {
      throw new Error("settled listener");
    });
    events.on("upload:started", () => {
      throw new Error("started listener");
    });
    const result = await processUploadWithRetry("a", world, { ...plain, events, logger });
    expect(result.warnings).toHaveLength(1);
    const logged = warn.mock.calls.map(([, message]) => message);
    expect(logged).toContain("A listener of upload:warning failed: warning listener");
    expect(logged).toContain("A listener of upload:settled failed: settled listener");
  });

  test("once and off work, also for one listener on two events", () => {
    const events = new UploadEventEmitter();
    const listener = vi.fn();
    events.once("upload:started", listener);
    events.on("upload:settled", listener);
    events.addListener("upload:retry", listener);
    const emit = (name: string) => (events.emit as (name: string, payload: object) => void).call(events, name, {});
    emit("upload:started");
    emit("upload:started");
    expect(listener).toHaveBeenCalledTimes(1);
    events.off("upload:settled", listener);
    events.removeListener("upload:retry", listener);
    emit("upload:settled");
    emit("upload:retry");
    expect(listener).toHaveBeenCalledTimes(1);
    events.once("upload:settled", listener);
    events.off("upload:settled", listener, undefined, true);
    expect(events.listenerCount("upload:settled")).toBe(0);
  });

  test("of a plain eventemitter3 cannot stop the work either", async () => {
    const world = worldOf([uploadOf("a")]);
    const events = new EventEmitter<UploadEventMap>();
    events.on("upload:started", () => {
      throw new Error("boom");
    });
    const result = await processUploadWithRetry("a", world, { ...plain, events: events as UploadEventEmitter });
    expect(result).toMatchObject({ status: "completed", warnings: [{ code: "LISTENER_FAILED" }] });
  });

  test("that abort from within an event are heard", async () => {
    const world = worldOf([uploadOf("a")]);
    const controller = new AbortController();
    world.ai.describe.mockImplementation((_, { signal }) => untilAborted(signal));
    const onProgress = ({ stage }: UploadProgressEvent) => void (stage === "describe" && controller.abort());
    const result = await processUploadWithRetry("a", world, { ...plain, onProgress, signal: controller.signal });
    expect(result.status).toBe("aborted");
  });
});
