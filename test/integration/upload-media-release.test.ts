import { access } from "node:fs/promises";
import { buffer } from "node:stream/consumers";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { OpenedOriginal } from "../../src/index.js";
import { decodeSlots } from "../support/decode-slots.js";
import { quarters } from "../support/images.js";
import {
  jpeg,
  jpegPath,
  mediaOf,
  stalledStream,
  streamOf,
  thumbnailOptions,
  watchTemporaryFiles,
} from "../support/media.js";

const temporaryFiles = watchTemporaryFiles();
afterEach(async () => {
  vi.useRealTimers();
  expect(await temporaryFiles()).toEqual([]);
});

const released = { code: "INVALID_CONFIGURATION", retryable: false, message: expect.stringContaining("had settled") };

describe("release", () => {
  it.each([
    ["a path", () => ({ path: jpegPath })],
    ["bytes", () => ({ bytes: jpeg })],
    ["a stream", () => ({ stream: streamOf(jpeg) })],
  ])("removes temporary files and releases the original once: %s", async (_, answer) => {
    const release = vi.fn(async () => {});
    const { media, prepare, signal } = mediaOf(() => ({ ...answer(), release }));
    const prepared = await prepare();
    const path = await prepared.path();
    await prepared.visionImage();
    expect(release).not.toHaveBeenCalled();

    await Promise.all([media.release(), media.release()]);
    await media.release();
    expect(release).toHaveBeenCalledTimes(1);
    if (path === jpegPath) await access(path);
    else await expect(access(path)).rejects.toMatchObject({ code: "ENOENT" });

    const { path: pathAgain, bytes, stream, visionImage, frames } = prepared;
    for (const method of [pathAgain, bytes, stream, visionImage, frames])
      await expect(method()).rejects.toMatchObject(released);
    await expect(media.thumbnail(thumbnailOptions, signal)).rejects.toMatchObject(released);
    await expect(prepare()).rejects.toMatchObject(released);
  });

  it("does nothing when nothing was opened", async () => {
    const { media, prepare, open, logger } = mediaOf(() => ({ bytes: jpeg }));
    await media.release();
    await expect(prepare()).rejects.toMatchObject(released);
    expect(open).not.toHaveBeenCalled();
    expect(logger.warn).not.toHaveBeenCalled();
  });

  it("ends the streams that were handed out", async () => {
    for (const answer of [() => ({ bytes: jpeg }), () => ({ path: jpegPath })]) {
      const { media, prepare } = mediaOf(answer);
      const prepared = await prepare();
      const [untouched, read] = [await prepared.stream(), await prepared.stream()];
      await buffer(read);
      await media.release();
      expect(untouched.destroyed).toBe(true);
      await expect(buffer(untouched)).rejects.toThrow();
    }
  });

  it("hands nothing out that is asked for just before", async () => {
    const { media, prepare } = mediaOf(() => ({ path: jpegPath }));
    const prepared = await prepare();
    const asked = [prepared.stream(), prepared.bytes(), prepared.path()];
    for (let step = 0; step < 20; step++) await undefined; // so far that the file is being looked at
    await Promise.all([media.release(), ...asked.map((answer) => expect(answer).rejects.toMatchObject(released))]);
  });

  it("releases an original that the storage opens too late", async () => {
    const release = vi.fn(async () => {});
    let arrive = (_: OpenedOriginal) => {};
    const { media, prepare, open } = mediaOf(() => new Promise<OpenedOriginal>((resolve) => (arrive = resolve)));
    const preparing = expect(prepare()).rejects.toMatchObject(released);
    await vi.waitFor(() => expect(open).toHaveBeenCalled());
    await media.release();
    const stream = stalledStream(jpeg);
    arrive({ stream, release });
    await preparing;
    expect(release).toHaveBeenCalledTimes(1);
    expect(stream.destroyed).toBe(true);
  });

  it("stops a stream that is being saved", async () => {
    const release = vi.fn(async () => {});
    const stream = stalledStream(jpeg.subarray(0, 20_000));
    const { media, prepare } = mediaOf(() => ({ stream, release }));
    const preparing = expect(prepare()).rejects.toMatchObject({ stage: "open" });
    await vi.waitFor(async () => expect(await temporaryFiles()).toHaveLength(1));
    await media.release();
    expect(stream.destroyed).toBe(true);
    expect(release).toHaveBeenCalledTimes(1);
    expect(await temporaryFiles()).toEqual([]);
    await preparing;
  });

  it("waits for a decoder that is at work", async () => {
    const order: string[] = [];
    const release = async () => {
      await new Promise(setImmediate); // behind the microtasks in which a decoder that is done tells so
      order.push("released");
    };
    const bytes = await quarters(4000, 3000).png().toBuffer();
    const { media, prepare } = mediaOf(() => ({ bytes, release }));
    const decoding = (await prepare()).visionImage().then(() => order.push("decoded"));
    await new Promise(setImmediate); // what comes before the decoder needs microtasks only
    await media.release();
    await decoding;
    expect(order).toEqual(["decoded", "released"]);
  });

  it("keeps a decoder from starting that still waits for its slot", async () => {
    const slots = decodeSlots(1);
    const { media, prepare } = mediaOf(() => ({ bytes: jpeg }), slots);
    const free = slots.hold();
    const waiting = expect((await prepare()).visionImage()).rejects.toMatchObject(released);
    await slots.waited();
    await media.release();
    free();
    await waiting;
  });

  it("logs what goes wrong, and goes on", async () => {
    const release = vi.fn(async () => {
      throw new Error("not mine");
    });
    const { media, prepare, logger } = mediaOf(() => ({ stream: streamOf(jpeg), release }));
    await prepare();
    await media.release();
    expect(logger.warn).toHaveBeenCalledTimes(1);
    expect(logger.warn).toHaveBeenCalledWith(
      { uploadId: "u1", error: expect.any(Error) },
      expect.stringContaining("not mine"),
    );
  });

  it("does not wait for a storage for ever", async () => {
    const { media, prepare, logger } = mediaOf(() => ({ bytes: jpeg, release: () => new Promise(() => {}) }));
    await prepare();
    vi.useFakeTimers();
    const releasing = media.release();
    await vi.advanceTimersByTimeAsync(5000);
    await releasing;
    expect(logger.warn).toHaveBeenCalledWith(expect.anything(), expect.stringContaining("5000 ms"));
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe("an abort", () => {
  it("stops a stream that is being saved, and the next attempt opens again", async () => {
    const attempt = new AbortController();
    const stream = stalledStream(jpeg.subarray(0, 20_000));
    const release = vi.fn(async () => {});
    const { media, prepare } = mediaOf([() => ({ stream, release }), () => ({ bytes: jpeg })]);
    const preparing = expect(prepare(attempt.signal)).rejects.toMatchObject({ retryable: true });
    await vi.waitFor(async () => expect(await temporaryFiles()).toHaveLength(1));
    attempt.abort();
    await preparing;
    expect(stream.destroyed).toBe(true);
    expect(release).toHaveBeenCalledTimes(1);
    expect(await temporaryFiles()).toEqual([]);
    expect((await prepare()).mimeType).toBe("image/jpeg");
    await media.release();
  });

  it("is what the storage is told", async () => {
    const attempt = new AbortController();
    const { media, prepare, open } = mediaOf(() => ({ bytes: jpeg }));
    await prepare(attempt.signal);
    const told = open.mock.calls[0]?.[1].signal;
    expect(told?.aborted).toBe(false);
    attempt.abort("stopped");
    expect(told).toMatchObject({ aborted: true, reason: "stopped" });
    await media.release();
  });

  it("ends the wait for a decoder's slot with the reason of the abort, which is not kept", async () => {
    const slots = decodeSlots(1);
    const { media, prepare, controller } = mediaOf(() => ({ bytes: jpeg }), slots);
    const prepared = await prepare();
    const free = slots.hold();
    const reason = new Error("stopped");
    const waiting = expect(prepared.visionImage()).rejects.toBe(reason);
    await slots.waited();
    controller.abort(reason);
    await waiting;
    free();
    await expect(prepared.visionImage()).rejects.toBe(reason);
    expect(slots.calls()).toBe(2);
    await media.release();
  });

  it("before a thumbnail is begun keeps it from being made", async () => {
    const { media, prepare } = mediaOf(() => ({ bytes: jpeg }));
    await prepare();
    const reason = new Error("stopped");
    await expect(media.thumbnail(thumbnailOptions, AbortSignal.abort(reason))).rejects.toBe(reason);
    await media.release();
  });
});
