import { execFile } from "node:child_process";
import { rmSync } from "node:fs";
import { promisify } from "node:util";
import type { Worker } from "node:worker_threads";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type HeicOptions, heic } from "../../src/adapters/heic.js";
import { deferred, until } from "../support/fakes.js";
import { distance, frameOf, heicBench, imageOf, meanOf } from "../support/heic-frames.js";
import { changed, heicFile, sizeProperty } from "../support/heif.js";

/** The workers that were started, and those that have ended. */
const workers = vi.hoisted(() => ({ started: [] as Worker[], ended: 0, posted: () => {} }));
vi.mock("node:worker_threads", async (original) => {
  const actual = await original<typeof import("node:worker_threads")>();
  class Counted extends actual.Worker {
    constructor(...given: ConstructorParameters<typeof Worker>) {
      super(...given);
      workers.started.push(this);
      this.on("exit", () => workers.ended++);
    }
    override postMessage(value: unknown): void {
      super.postMessage(value);
      workers.posted();
    }
  }
  return Object.assign({}, actual, { Worker: Counted });
});

const bench = heicBench();
const plain = bench.file(heicFile("plain"));
/** 48 megapixels: it is decoded for seconds. */
const large = bench.file(heicFile("large-flat"));

beforeEach(() => {
  Object.assign(workers, { started: [], ended: 0, posted: () => {} });
});
afterEach(() => vi.useRealTimers());

/** Resolves when a worker has been given a file. */
function nextJob(): Promise<void> {
  const { promise, resolve } = deferred();
  workers.posted = resolve;
  return promise;
}

describe("workers", () => {
  it("are started with the first file, serve the next ones, and end when there is none", async () => {
    const decoder = bench.decoder();
    expect(workers.started).toHaveLength(0);
    for (let count = 0; count < 3; count++) await frameOf(decoder, plain);
    await Promise.all([1, 2, 3, 4].map(() => frameOf(decoder, plain)));
    expect(workers.started).toHaveLength(1);
    await until(() => workers.ended === 1);
    await frameOf(decoder, plain);
    expect(workers.started).toHaveLength(2);
  });

  it("show of a damaged file nothing of the file before", async () => {
    const damaged = bench.file(changed("plain", ({ data }) => data.fill(0, 400)));
    const pixelsAfter = async (...before: readonly string[]) => {
      const decoder = bench.decoder();
      for (const path of before) await frameOf(decoder, path);
      return imageOf(await frameOf(decoder, damaged))
        .raw()
        .toBuffer();
    };
    const alone = await pixelsAfter();
    for (const name of ["plain", "alpha", "several", "ten-bit"]) {
      const after = await pixelsAfter(bench.file(heicFile(name)));
      expect(after.equals(alone), name).toBe(true);
    }
    expect(workers.started).toHaveLength(5);
  });

  it("are no more than asked for", async () => {
    const decoder = bench.decoder({ workers: 2 });
    await Promise.all(Array.from({ length: 6 }, () => frameOf(decoder, plain)));
    expect(workers.started).toHaveLength(2);
  });

  it("end at once on close, and what was to be decoded rejects", async () => {
    const decoder = bench.decoder();
    const posted = nextJob();
    const running = frameOf(decoder, large);
    const { signal } = new AbortController();
    const queued = vi.spyOn(signal, "addEventListener");
    const outcomes = Promise.allSettled([running, posted.then(() => frameOf(decoder, plain, { signal }))]);
    await until(() => queued.mock.calls.length > 0);
    await decoder.close();
    expect(workers.ended).toBe(1);
    const closed = { status: "rejected", reason: { fault: "service", retryable: true } };
    expect(await outcomes).toMatchObject([closed, closed]);
    expect(await frameOf(decoder, plain)).toMatchObject({ width: 320 });
  });

  it("end when the work is aborted in the middle of decoding, and the next file gets a new one", async () => {
    const decoder = bench.decoder();
    const controller = new AbortController();
    await frameOf(decoder, plain);
    const posted = nextJob();
    const running = frameOf(decoder, large, { signal: controller.signal });
    running.catch(() => {});
    await posted;
    const [worker] = workers.started;
    const busy = () => worker?.performance.eventLoopUtilization().active ?? 0;
    const before = busy();
    await until(() => busy() > before + 50);
    const reason = new Error("stop");
    controller.abort(reason);
    await expect(running).rejects.toBe(reason);
    expect(workers.ended).toBe(1);
    expect(await frameOf(decoder, plain)).toMatchObject({ width: 320 });
    expect(workers.started).toHaveLength(2);
  });

  it("do not take up what was aborted before its turn", async () => {
    const decoder = bench.decoder();
    const controller = new AbortController();
    const posted = nextJob();
    const running = frameOf(decoder, plain);
    await posted;
    const queued = vi.spyOn(controller.signal, "addEventListener");
    const outcome = expect(frameOf(decoder, large, { signal: controller.signal })).rejects.toBe("stop");
    await until(() => queued.mock.calls.length > 0);
    controller.abort("stop");
    await outcome;
    expect(await running).toMatchObject({ width: 320 });
    const late = frameOf(decoder, plain, { signal: AbortSignal.abort("late") });
    await expect(late).rejects.toBe("late");
    expect(workers.started).toHaveLength(1);
  });

  it("are killed when a file takes too long", async () => {
    const decoder = bench.decoder({ timeoutMs: 1 });
    const error = { code: "STAGE_TIMEOUT", fault: "upload", message: expect.stringContaining("timeoutMs") };
    await expect(frameOf(decoder, large)).rejects.toMatchObject(error);
    expect(workers.ended).toBe(1);
  });

  it("leave no listener on the signal", async () => {
    const { signal } = new AbortController();
    const add = vi.spyOn(signal, "addEventListener");
    const remove = vi.spyOn(signal, "removeEventListener");
    const decoder = bench.decoder();
    await Promise.all([frameOf(decoder, plain, { signal }), frameOf(decoder, plain, { signal })]);
    const listeners = add.mock.calls.map(([, listener]) => listener);
    expect(listeners.length).toBeGreaterThan(0);
    const removed = remove.mock.calls.map(([, listener]) => listener);
    expect(listeners.filter((listener) => !removed.includes(listener))).toEqual([]);
  });

  it("never keep a process alive, and end with it", async () => {
    const program = `
      const { heic } = await import(${JSON.stringify(new URL("../../src/adapters/heic.ts", import.meta.url).href)});
      const { signal } = new AbortController();
      const request = { max: 1, maxSide: 100, limitPixels: 1e8, purpose: "vision", signal };
      const decoder = heic();
      for await (const frame of decoder.frames({ path: ${JSON.stringify(plain)} }, request)) console.log(frame.width);
      console.log(process.getActiveResourcesInfo().filter((name) => /Timeout|Worker|MessagePort/.test(name)).length);`;
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [
      ...["--import", "tsx", "--input-type=module", "--eval", program],
    ]);
    expect(stderr).toBe("");
    expect(stdout).toBe("107\n0\n");
  });
});

describe("memory", () => {
  it("is no more than a picture of its size takes, whatever the file hides", async () => {
    const lying = changed("large-flat", ({ properties }) => {
      const at = properties.findIndex(({ type }) => type === "ispe");
      properties[at] = sizeProperty(16, 16);
    });
    const decoder = bench.decoder();
    await expect(frameOf(decoder, bench.file(lying))).rejects.toMatchObject({ code: "INVALID_MEDIA" });
    expect(await frameOf(decoder, plain)).toMatchObject({ width: 320 });
  });

  it("that libheif does not allow is the file's fault: it would be asked for again and again", async () => {
    const crowded = changed("plain", ({ properties }) => {
      for (let number = 0; number < 120; number++) properties.push({ type: "free", body: Buffer.from([number]) });
    });
    const error = { code: "INVALID_MEDIA", fault: "upload", retryable: false };
    await expect(frameOf(bench.decoder(), bench.file(crowded))).rejects.toMatchObject(error);
  });

  it("of a large file is given back at once, and the next one gets a new worker", async () => {
    const decoder = bench.decoder();
    const frame = await frameOf(decoder, large, { maxSide: 64 });
    expect(distance(await meanOf(imageOf(frame)), [180, 90, 40])).toBeLessThanOrEqual(3);
    expect(workers.ended).toBe(1);
    await frameOf(decoder, plain);
    expect(workers.started).toHaveLength(2);
  });
});

describe("what is wrong", () => {
  it("a file that is gone is the system's error", async () => {
    const path = bench.file(heicFile("plain"));
    rmSync(path);
    await expect(frameOf(bench.decoder(), path)).rejects.toMatchObject({ code: "ENOENT", syscall: "open" });
  });

  it.each([
    [{ worker: 2 }, /did you mean "workers"/],
    [{ workers: 0 }, /workers: expected a whole number from 1 to 64, got 0/],
    [{ workers: 1.5 }, /got 1\.5/],
    [{ workers: "2" }, /workers/],
    [{ timeoutMs: Number.POSITIVE_INFINITY }, /timeoutMs/],
    [null, /expected an object, got null/],
    [4, /expected an object, got number/],
  ])("%j is refused by name", (options, message) => {
    expect(() => heic(options as HeicOptions)).toThrow(message);
  });
});
