import { existsSync, readFileSync, rmSync } from "node:fs";
import sharp from "sharp";
import { describe, expect, it, test, vi } from "vitest";
import {
  createRuntime,
  type MediaDecoder,
  mediaFacts,
  processUploadWithRetry,
  UploadError,
  UploadEventEmitter,
  type VisionFrame,
} from "../../src/index.js";
import { type FakeDecoder, fakeDecoder, solid } from "../support/fake-decoder.js";
import { deferred, uploadOf, worldOf } from "../support/fakes.js";
import { mp4 } from "../support/images.js";

const RED = [200, 40, 40] as const;
const BLUE = [30, 60, 210] as const;

/** An error of Node's functions. */
const system = (code: string, syscall: string) => Object.assign(new Error(`${code}: ${syscall}`), { code, syscall });

/** One video in memory, and what the model is given of it. */
function videoWorld(original: Uint8Array = mp4) {
  const upload = uploadOf("u1");
  const world = worldOf([upload]);
  world.storage.put(upload.storageKey, original);
  return { ...world, upload };
}

async function meanOf(image: Uint8Array): Promise<readonly number[]> {
  const { channels } = await sharp(image).stats();
  return channels.map(({ mean }) => Math.round(mean));
}

async function expectColour(image: Uint8Array, colour: readonly number[]): Promise<void> {
  const mean = await meanOf(image);
  for (const [index, value] of colour.entries()) expect(Math.abs((mean[index] ?? 0) - value)).toBeLessThanOrEqual(3);
}

describe("a video with a decoder", () => {
  it("gets a thumbnail, images for the model, and facts", async () => {
    const { upload, ...world } = videoWorld();
    const probed = { codec: "h264", width: 320, height: 180, durationSeconds: 12.5, frameRate: 25, hdr: false };
    const byPurpose: FakeDecoder = fakeDecoder({ probe: probed });
    const frames = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11].map((timeSeconds) => solid(BLUE, { timeSeconds }));
    const vision = fakeDecoder({ frames });
    const decoder: MediaDecoder = {
      ...byPurpose,
      frames: (source, request) => (request.purpose === "thumbnail" ? byPurpose : vision).frames(source, request),
    };
    const seen: { frames?: readonly VisionFrame[]; image?: Uint8Array; path?: string; facts?: object } = {};
    world.ai.describe.mockImplementation(async (media) => {
      expect(media).toMatchObject({ kind: "video", mimeType: "video/mp4" });
      seen.frames = await media.frames();
      expect(await media.frames({ max: 3 })).toHaveLength(3);
      expect(await media.frames()).toBe(seen.frames);
      seen.image = (await media.visionImage()).data;
      seen.facts = await media.facts();
      return "a video";
    });
    const result = await processUploadWithRetry(upload, world, { decoders: [decoder] });
    if (result.status !== "completed") throw new Error(result.status);
    const thumbnail = world.storage.get(result.upload.thumbnailKey ?? "");
    if (thumbnail === undefined) throw new Error("no thumbnail");
    await expectColour(thumbnail, RED);
    expect(await sharp(thumbnail).metadata()).toMatchObject({ width: 256, height: 144, format: "jpeg" });

    expect(seen.frames?.map(({ timeSeconds }) => timeSeconds)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(seen.frames?.[0]).toMatchObject({ mimeType: "image/jpeg", width: 308, height: 168 });
    await expectColour(seen.image ?? new Uint8Array(), BLUE);
    expect(byPurpose.probes).toBe(1);
    expect(byPurpose.requests).toMatchObject([
      { max: 1, maxSide: 256, purpose: "thumbnail", limitPixels: 100_000_000 },
    ]);
    expect(vision.requests).toMatchObject([
      { max: 10, maxSide: 1568, purpose: "vision" },
      { max: 3, maxSide: 1568, purpose: "vision" },
    ]);
    expect([byPurpose.ended, vision.ended]).toEqual([1, 2]);
    expect(vision.made).toBe(13); // and none that nobody wanted
    const facts = { mimeType: "video/mp4", kind: "video", bytes: mp4.length, ...probed };
    expect(seen.facts).toEqual(facts);
    expect(mediaFacts(result.upload)).toEqual(facts);
    // It was given a file, which is gone.
    expect(existsSync(byPurpose.paths[0] ?? "/")).toBe(false);
  });

  it("is let in unless input.allow does not name it, and refused without a decoder", async () => {
    const cases = [
      [{}, "UNSUPPORTED_MEDIA", /ffmpeg.*upload-processor\/ffmpeg/],
      [{ decoders: [fakeDecoder()], input: { allow: ["image/jpeg"] } }, "UNSUPPORTED_MEDIA", /input\.allow/],
      // To those who gave decoders it says what these take.
      [
        { decoders: [fakeDecoder({ mimeTypes: ["video/webm"] })] },
        "UNSUPPORTED_MEDIA",
        /^The content is video\/mp4: of videos, .* let in video\/webm; convert it to one of these$/,
      ],
    ] as const;
    for (const [options, code, message] of cases) {
      const { upload, ...world } = videoWorld();
      const result = await processUploadWithRetry(upload, world, options);
      expect(result).toMatchObject({ status: "failed", error: { code, message: expect.stringMatching(message) } });
      expect(world.ai.describe).not.toHaveBeenCalled();
    }
  });

  it("of another kind than decoders take is to be converted, as is an image that sharp does not decode", async () => {
    const flash = Buffer.concat([Buffer.from("FLV\x01\x05"), Buffer.alloc(200)]);
    const bitmap = Buffer.concat([Buffer.from("BM"), Buffer.alloc(200)]);
    const cases = [
      [flash, /^The content is video\/x-flv: of videos, .* let in video\/mp4; convert it to MP4$/],
      [bitmap, /^The content is image\/bmp: sharp does not decode it, .*convert it to JPEG or PNG$/],
    ] as const;
    for (const [original, message] of cases) {
      const { upload, ...world } = videoWorld(original);
      const result = await processUploadWithRetry(upload, world, { decoders: [fakeDecoder()] });
      const error = { code: "UNSUPPORTED_MEDIA", message: expect.stringMatching(message) };
      expect(result).toMatchObject({ status: "failed", error });
    }
  });

  it("is probed once, also over restarts", async () => {
    const { upload, ...world } = videoWorld();
    const decoder = fakeDecoder({ probe: { codec: "vp9", durationSeconds: 3 } });
    world.ai.describe.mockImplementationOnce(async () => {
      throw new UploadError("no", { code: "CONTENT_REFUSED" });
    });
    const options = { decoders: [decoder] };
    expect(await processUploadWithRetry(upload, world, options)).toMatchObject({ status: "failed" });
    world.ai.describe.mockImplementationOnce(async (media) => {
      expect(await media.facts()).toMatchObject({ codec: "vp9", durationSeconds: 3 });
      return "a video";
    });
    const again = await processUploadWithRetry(upload, world, { ...options, rerun: "retry" });
    expect(again.status).toBe("completed");
    expect(decoder.probes).toBe(1);
    expect(decoder.requests).toHaveLength(1);
  });

  it("is measured for the record also when nobody asks for a picture", async () => {
    const { upload, ...world } = videoWorld();
    const decoder = fakeDecoder({ probe: { codec: "av1", durationSeconds: 7, frameRate: Number.NaN } });
    const result = await processUploadWithRetry(upload, world, { decoders: [decoder], thumbnail: false });
    if (result.status !== "completed") throw new Error(result.status);
    expect(mediaFacts(result.upload)).toMatchObject({ codec: "av1", durationSeconds: 7 });
    expect(mediaFacts(result.upload)).not.toHaveProperty("frameRate");
    expect(decoder.requests).toHaveLength(0);
  });

  it("is too large when its probe says so, before it is decoded", async () => {
    const { upload, ...world } = videoWorld();
    const decoder = fakeDecoder({ probe: { width: 4000, height: 3000 } });
    world.ai.describe.mockImplementation(async (media) => `${(await media.visionImage()).width}`);
    const input = { limitInputPixels: 11_999_999 };
    const result = await processUploadWithRetry(upload, world, { decoders: [decoder], input });
    expect(result).toMatchObject({ status: "failed", error: { code: "MEDIA_TOO_LARGE" } });
    expect(decoder.requests).toHaveLength(0);
  });

  it.each([
    ["video/mp4", mp4, 100_000_000],
    ["image/heic", readFileSync(new URL("../support/heic/plain.heic", import.meta.url)), 50_000_000],
  ])("no more pixels than the default are let in: %s", async (mimeType, bytes, most) => {
    for (const width of [most / 5000, most / 5000 + 1]) {
      const { upload, ...world } = videoWorld();
      world.storage.put(upload.storageKey, bytes);
      const decoder = fakeDecoder({ mimeTypes: [mimeType], probe: { width, height: 5000 } });
      world.ai.describe.mockImplementation(async (media) => `${(await media.visionImage()).width}`);
      const result = await processUploadWithRetry(upload, world, { decoders: [decoder] });
      if (width * 5000 === most) {
        expect(result).toMatchObject({ status: "completed" });
        expect(decoder.requests[0]).toMatchObject({ limitPixels: most });
        continue;
      }
      expect(result).toMatchObject({ status: "failed", error: { code: "MEDIA_TOO_LARGE" } });
      expect(Object(result).error.message).toBe(
        `The original has ${width} × 5000 pixels; input.limitInputPixels, by default for ${mimeType}, lets in ${most}`,
      );
      expect(decoder.requests).toHaveLength(0);
    }
  });
});

describe("what a decoder fails with", () => {
  it.each([
    [
      "an error of its own kind",
      new UploadError("cut off", { code: "INVALID_MEDIA" }),
      { code: "INVALID_MEDIA", message: "cut off" },
    ],
    [
      "an error that tells nothing",
      new Error("boom"),
      { code: "INVALID_MEDIA", fault: "upload", message: expect.stringContaining("video/mp4 failed: boom") },
    ],
    ["no frame at all", undefined, { code: "INVALID_MEDIA", message: expect.stringContaining("No frame") }],
  ])("%s", async (_, thrown, expected) => {
    const { upload, ...world } = videoWorld();
    const decoder = fakeDecoder({
      frames: thrown === undefined ? [] : [solid(RED)],
      before: async () => {
        throw thrown;
      },
    });
    world.ai.describe.mockImplementation(async (media) => `${(await media.visionImage()).width}`);
    const result = await processUploadWithRetry(upload, world, { decoders: [decoder], retry: { maxAttempts: 1 } });
    expect(result).toMatchObject({ status: "failed", error: expected, warnings: [expected] });
    expect(decoder.ended).toBe(decoder.requests.length);
  });

  it.each([
    ["a process that cannot be started", system("EAGAIN", "spawn")],
    ["a disk without room", system("ENOSPC", "write")],
    ["too many open files", system("EMFILE", "open")],
    ["no memory", system("ENOMEM", "mmap")],
    ["a folder that may not be read", system("EACCES", "open")],
    ["a program of its own that is gone", system("ENOENT", "spawn")],
    ["a file on a broken disk, as the cause", new Error("no frame", { cause: system("EIO", "read") })],
    ["a permission, without its call", Object.assign(new Error("refused"), { code: "EPERM" })],
    ["a thread that it does not get", Object.assign(new Error("EAGAIN"), { code: "ERR_WORKER_INIT_FAILED" })],
    ["a service that it calls", Object.assign(new Error("refused"), { code: "ECONNREFUSED" })],
    ["its own word", new UploadError("closed", { code: "STORAGE_FAILED" })],
  ])("what the system lacks is no fault of the media, and is tried again: %s", async (_, thrown) => {
    const { upload, ...world } = videoWorld();
    const decoder = fakeDecoder({
      before: async () => {
        if (decoder.requests.length === 1) throw thrown;
      },
    });
    const retries: unknown[] = [];
    const events = new UploadEventEmitter();
    events.on("upload:retry", ({ error }) => retries.push(error));
    const options = { decoders: [decoder], retry: { minTimeout: 1 }, events };
    const result = await processUploadWithRetry(upload, world, options);
    expect(result).toMatchObject({ status: "completed", upload: { thumbnailKey: "thumbnails/u1.jpg" }, warnings: [] });
    expect(retries).toMatchObject([{ code: "STORAGE_FAILED", stage: "open", retryable: true }]);
  });

  it("an original that has vanished meanwhile is missing", async () => {
    const { upload, ...world } = videoWorld();
    const decoder = fakeDecoder({
      before: async () => {
        rmSync(decoder.paths[0] as string);
        throw system("ENOENT", "open");
      },
    });
    const result = await processUploadWithRetry(upload, world, { decoders: [decoder] });
    expect(result).toMatchObject({ status: "failed", error: { code: "MISSING_ORIGINAL", stage: "open" } });
  });

  it("a model's breaker counts none of it", async () => {
    const { upload, ...world } = videoWorld();
    const runtime = createRuntime({ breaker: { threshold: 1 } });
    const decoder = fakeDecoder({
      before: async () => {
        throw system("ENOSPC", "write");
      },
    });
    world.ai.describe.mockImplementation(async (media) => `${(await media.visionImage()).width}`);
    const options = { decoders: [decoder], runtime, thumbnail: false, retry: { maxAttempts: 1 } } as const;
    expect(await processUploadWithRetry(upload, world, options)).toMatchObject({ status: "deferred" });
    expect(runtime.health().breaker.state).toBe("closed");
  });

  it.each([
    [
      "pixels of the wrong length",
      { timeSeconds: 0, pixels: new Uint8Array(10), width: 2, height: 2, channels: 3 },
      /12 bytes.*got 10/,
    ],
    ["no pixels", { timeSeconds: 0 }, /encoded or pixels/],
    ["two channels", { timeSeconds: 0, pixels: new Uint8Array(8), width: 2, height: 2, channels: 2 }, /channels/],
    ["no time", { encoded: new Uint8Array(8) }, /timeSeconds/],
    ["nothing", undefined, /timeSeconds/],
  ])("a frame with %s is the deployment's fault", async (_, frame, message) => {
    const { upload, ...world } = videoWorld();
    const decoder = fakeDecoder({ frames: [frame as never] });
    const call = processUploadWithRetry(upload, world, { decoders: [decoder] });
    await expect(call).rejects.toMatchObject({
      code: "INVALID_CONFIGURATION",
      message: expect.stringMatching(message),
    });
    expect(await world.repository.findUpload("u1")).toMatchObject({ status: "pending" });
    expect(decoder.ended).toBe(1);
  });

  it("a decoder that iterates over nothing is the deployment's fault", async () => {
    const { upload, ...world } = videoWorld();
    const decoder = { mimeTypes: ["video/mp4"], frames: () => [solid(RED)] } as unknown as MediaDecoder;
    const call = processUploadWithRetry(upload, world, { decoders: [decoder] });
    await expect(call).rejects.toMatchObject({ message: expect.stringContaining("decoders[0].frames") });
  });
});

describe("the end of a decoder", () => {
  it("comes with its signal when the upload is aborted", async () => {
    const { upload, ...world } = videoWorld();
    const controller = new AbortController();
    const begun = deferred();
    const decoder = fakeDecoder({
      before: ({ signal }) => {
        begun.resolve();
        return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
      },
    });
    const running = processUploadWithRetry(upload, world, { decoders: [decoder], signal: controller.signal });
    await begun.promise;
    controller.abort(new Error("stop"));
    expect(await running).toMatchObject({ status: "aborted" });
    expect(decoder.ended).toBe(1);
  });

  it("comes when it takes longer than timeouts.decodeMs", async () => {
    const { upload, ...world } = videoWorld();
    const hang: FakeDecoder = fakeDecoder({
      before: ({ signal }) => new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
    });
    const options = {
      decoders: [hang],
      timeouts: { decodeMs: 20 },
      thumbnail: false,
      retry: { maxAttempts: 1 },
    } as const;
    world.ai.describe.mockImplementation(async (media) => `${(await media.frames()).length}`);
    const result = await processUploadWithRetry(upload, world, options);
    expect(result).toMatchObject({
      ...{
        status: "failed",
        error: { code: "STAGE_TIMEOUT", fault: "upload", message: expect.stringContaining("decodeMs") },
      },
    });
    expect(hang.ended).toBe(1);
  });

  it("comes behind frames that are there: the model gets these", async () => {
    const { upload, ...world } = videoWorld();
    const slow = fakeDecoder({
      frames: [solid([200, 40, 40]), solid([40, 200, 40], { timeSeconds: 1 })],
      before: async ({ signal }, index) => {
        if (index > 0) await new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
      },
    });
    world.ai.describe.mockImplementation(async (media) => `${(await media.frames()).length} frames`);
    const options = { decoders: [slow], timeouts: { decodeMs: 500 }, retry: { maxAttempts: 1 } };
    const result = await processUploadWithRetry(upload, world, { ...options, thumbnail: false });
    expect(result).toMatchObject({ status: "completed", upload: { description: "1 frames" } });
    expect(slow.ended).toBe(1);
  });

  it("is not waited for any longer than 5 s when it ignores its signal", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "setImmediate", "clearImmediate"] });
    try {
      const { upload, ...world } = videoWorld();
      const controller = new AbortController();
      const begun = deferred();
      const deaf = fakeDecoder({
        before: () => {
          begun.resolve();
          return new Promise(() => {});
        },
      });
      const running = processUploadWithRetry(upload, world, { decoders: [deaf], signal: controller.signal });
      while (deaf.requests.length === 0) await vi.advanceTimersByTimeAsync(1);
      await begun.promise;
      controller.abort(new Error("stop"));
      await vi.advanceTimersByTimeAsync(5000);
      const result = await running;
      expect(result).toMatchObject({ status: "aborted", warnings: [{ code: "ABORT_IGNORED" }] });
    } finally {
      vi.useRealTimers();
    }
  });
});

describe("the table of decoders", () => {
  const options = (decoders: unknown) => ({ decoders: decoders as readonly MediaDecoder[] });
  test.each([
    ["no array", fakeDecoder(), /decoders: expected an array/],
    ["no decoder", [undefined], /decoders\[0\]/],
    ["no frames", [{ mimeTypes: ["video/mp4"] }], /decoders\[0\]\.frames/],
    ["no array of types", [{ ...fakeDecoder(), mimeTypes: "video/mp4" }], /decoders\[0\]\.mimeTypes/],
    ["a decoder for no type", [fakeDecoder(), fakeDecoder({ mimeTypes: [] })], /decoders\[1\]\.mimeTypes/],
    ["what is no type", [fakeDecoder({ mimeTypes: ["video/mp4", "mp4"] })], /decoders\[0\]\.mimeTypes\[1\]/],
    [
      "two for one type",
      [fakeDecoder(), fakeDecoder({ mimeTypes: ["video/webm", "video/mp4"] })],
      /decoders\[1\].*video\/mp4.*decoders\[0\]/,
    ],
    ["a probe that is none", [{ ...fakeDecoder(), probe: {} }], /decoders\[0\]\.probe/],
  ])("refuses %s by name", async (_, decoders, message) => {
    const { upload, ...world } = videoWorld();
    const call = processUploadWithRetry(upload, world, options(decoders));
    await expect(call).rejects.toMatchObject({
      code: "INVALID_CONFIGURATION",
      message: expect.stringMatching(message),
    });
  });
});
