import { readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname } from "node:path";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { afterEach, describe, expect, it, vi } from "vitest";
import { decodeSlots } from "../support/decode-slots.js";
import { html, mp4, pdf, quarters, svg } from "../support/images.js";
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
afterEach(async () => expect(await temporaryFiles()).toEqual([]));

const kinds = [
  ["a path", () => ({ path: jpegPath })],
  ["bytes", () => ({ bytes: new Uint8Array(jpeg) })],
  ["a stream", () => ({ stream: streamOf(jpeg) })],
] as const;

describe.each(kinds)("an original that is opened as %s", (kind, answer) => {
  it("is sniffed and measured", async () => {
    const { media, prepare, upload } = mediaOf(answer);
    expect(media.facts()).toBeNull();
    expect(await prepare()).toMatchObject({ upload, kind: "image", mimeType: "image/jpeg" });
    expect(media.facts()).toEqual({ mimeType: "image/jpeg", kind: "image", bytes: jpeg.length });
    await media.release();
  });

  it("can be read in every way, as often as one likes, and is opened once", async () => {
    const { media, prepare, open } = mediaOf(answer);
    const [prepared, again] = await Promise.all([prepare(), prepare()]);
    expect(again).toBe(prepared);
    expect(jpeg.equals(await prepared.bytes())).toBe(true);
    expect(jpeg.equals(await buffer(await prepared.stream()))).toBe(true);
    expect(jpeg.equals(await buffer(await prepared.stream()))).toBe(true);
    const [path, samePath] = await Promise.all([prepared.path(), prepared.path()]);
    expect(samePath).toBe(path);
    expect(jpeg.equals(await readFile(path))).toBe(true);
    expect((await prepared.visionImage()).width).toBe(616);
    expect((await media.thumbnail(thumbnailOptions, new AbortController().signal)).contentType).toBe("image/jpeg");
    expect(open).toHaveBeenCalledTimes(1);
    expect(open).toHaveBeenCalledWith("originals/u1", { signal: expect.any(AbortSignal) });

    if (kind === "a path") expect(path).toBe(jpegPath);
    else {
      expect(path.startsWith(tmpdir())).toBe(true);
      expect((await stat(path)).mode & 0o077).toBe(0);
      expect((await stat(dirname(path))).mode & 0o077).toBe(0);
      expect(path.split(/[^a-z0-9]+/i)).not.toContain("u1"); // as a part of its own: the rest is random
    }
    await media.release();
  });

  it("is refused when it has more than input.maxBytes", async () => {
    const fits = mediaOf(answer, { input: { maxBytes: jpeg.length } });
    await fits.prepare();
    await fits.media.release();
    const { prepare } = mediaOf(answer, { input: { maxBytes: jpeg.length - 1 } });
    const message = expect.stringMatching(new RegExp(`${jpeg.length} bytes.*input.maxBytes.*${jpeg.length - 1}`));
    await expect(prepare()).rejects.toMatchObject({
      code: "MEDIA_TOO_LARGE",
      stage: "open",
      retryable: false,
      message,
    });
  });

  it("leaves no listener on the signals, whatever is done with it", async () => {
    const { media, prepare, signal } = mediaOf(answer);
    const added = vi.spyOn(signal, "addEventListener");
    const removed = vi.spyOn(signal, "removeEventListener");
    const prepared = await prepare();
    await Promise.all([prepared.path(), prepared.bytes(), prepared.visionImage(), prepared.frames()]);
    await media.release();
    expect(removed.mock.calls.length).toBe(added.mock.calls.length);
  });
});

describe("an original that cannot be used", () => {
  it.each([
    ["empty", Buffer.alloc(0), "INVALID_MEDIA", /empty/],
    ["of no known type", Buffer.alloc(5000, "x"), "INVALID_MEDIA", /neither an image/],
    ["an HTML page that calls itself a JPEG", html, "UNSUPPORTED_MEDIA", /text\/html.*run scripts.*input\.allow/],
    ["an SVG", svg, "UNSUPPORTED_MEDIA", /image\/svg\+xml.*run scripts.*input\.allow/],
    ["a PDF", pdf, "UNSUPPORTED_MEDIA", /application\/pdf.*refer elsewhere.*input\.allow/],
    ["a video", mp4, "UNSUPPORTED_MEDIA", /video\/mp4.*decoder/],
    [
      "a type that is not allowed",
      Buffer.from("BM".padEnd(100, "\0")),
      "UNSUPPORTED_MEDIA",
      /image\/bmp.*input\.allow/,
    ],
  ])("is refused for good: %s", async (_, content, code, message) => {
    for (const answer of [() => ({ bytes: content }), () => ({ stream: streamOf(content) })]) {
      const release = vi.fn(async () => {});
      const { media, prepare, open } = mediaOf(() => ({ ...answer(), release }));
      const refusal = { code, stage: "open", retryable: false, message: expect.stringMatching(message) };
      await expect(prepare()).rejects.toMatchObject(refusal);
      expect(release).toHaveBeenCalledTimes(1);
      await expect(prepare()).rejects.toMatchObject(refusal);
      expect(open).toHaveBeenCalledTimes(1);
      await media.release();
      expect(release).toHaveBeenCalledTimes(1);
    }
  });

  it("is not fetched to its end when its head or its size refuses it", async () => {
    const endless = (chunk: Buffer) => Readable.from((function* () { for (;;) yield chunk; })(), { objectMode: false }); // biome-ignore format: one idea
    const page = endless(Buffer.from(html));
    await expect(mediaOf(() => ({ stream: page })).prepare()).rejects.toMatchObject({ code: "UNSUPPORTED_MEDIA" });
    expect(page.destroyed).toBe(true);

    const huge = endless(jpeg);
    const { prepare } = mediaOf(() => ({ stream: huge }), { input: { maxBytes: 1_000_000 } });
    await expect(prepare()).rejects.toMatchObject({ code: "MEDIA_TOO_LARGE" });
    expect(huge.destroyed).toBe(true);
  });

  it("is MISSING_ORIGINAL when the storage does not have it", async () => {
    const { prepare, open } = mediaOf(() => null);
    const message = expect.stringContaining('"originals/u1"');
    await expect(prepare()).rejects.toMatchObject({
      code: "MISSING_ORIGINAL",
      stage: "open",
      retryable: false,
      message,
    });
    await expect(prepare()).rejects.toMatchObject({ code: "MISSING_ORIGINAL" });
    expect(open).toHaveBeenCalledTimes(1);
  });

  it("is opened again after a failure that may pass, and only after such a one", async () => {
    const answers = ["ECONNRESET", "EIO"].map((code) => async () => {
      throw Object.assign(new Error("unreachable"), { code });
    });
    const { media, prepare, open } = mediaOf([...answers, () => ({ stream: brokenStream() }), () => ({ bytes: jpeg })]);
    for (let attempt = 1; attempt <= 3; attempt++)
      await expect(prepare()).rejects.toMatchObject({ code: "STORAGE_FAILED", stage: "open", retryable: true });
    expect((await prepare()).mimeType).toBe("image/jpeg");
    expect(open).toHaveBeenCalledTimes(4);
    await media.release();

    const forbidden = mediaOf(async () => {
      throw Object.assign(new Error("no"), { $metadata: { httpStatusCode: 403 } });
    });
    for (let attempt = 1; attempt <= 2; attempt++)
      await expect(forbidden.prepare()).rejects.toMatchObject({ code: "STORAGE_FAILED", retryable: false });
    expect(forbidden.open).toHaveBeenCalledTimes(1);
  });

  it("says so when the storage opens what is no file, or nothing that one could read", async () => {
    await expect(mediaOf(() => ({ path: tmpdir() })).prepare()).rejects.toMatchObject({
      ...{ code: "STORAGE_FAILED", retryable: false, message: expect.stringContaining("no file") },
    });
    await expect(mediaOf(() => ({ path: `${jpegPath}.gone` })).prepare()).rejects.toMatchObject({
      ...{ code: "STORAGE_FAILED", retryable: true, message: expect.stringContaining("ENOENT") },
    });
    for (const answer of [{}, { bytes: "text" }, { stream: [] }, undefined]) {
      await expect(mediaOf(() => answer as never).prepare()).rejects.toMatchObject({
        ...{ code: "INVALID_CONFIGURATION", message: expect.stringContaining("storage.open") },
      });
    }
  });

  function brokenStream(): Readable {
    const stream = stalledStream(jpeg.subarray(0, 5000));
    // It fails before anybody can have begun to read.
    stream.destroy(new Error("connection lost"));
    return stream;
  }
});

it("tries again to write a temporary file that could not be written", async () => {
  const { media, prepare } = mediaOf(() => ({ bytes: jpeg }));
  const prepared = await prepare();
  const { TMPDIR } = process.env;
  process.env.TMPDIR = `${jpegPath}/no-folder`;
  await expect(prepared.path()).rejects.toMatchObject({ code: "STORAGE_FAILED", retryable: true });
  process.env.TMPDIR = TMPDIR;
  expect(jpeg.equals(await readFile(await prepared.path()))).toBe(true);
  await media.release();
});

it("opens a stream again when its temporary file was cleared away", async () => {
  const { media, prepare, open } = mediaOf(() => ({ stream: streamOf(jpeg) }));
  const prepared = await prepare();
  await rm(dirname(await prepared.path()), { recursive: true });
  expect(await prepared.visionImage()).toMatchObject({ width: 616 });
  expect(jpeg.equals(await prepared.bytes())).toBe(true);
  expect(open).toHaveBeenCalledTimes(2);
  await media.release();
});

describe("facts that an earlier start has measured", () => {
  const known = { mimeType: "image/jpeg", kind: "image", bytes: jpeg.length, width: 640, height: 427 } as const;

  it("spare the opening until the original is needed", async () => {
    const { media, prepare, open } = mediaOf(() => ({ bytes: jpeg }), { known });
    const prepared = await prepare();
    expect(prepared).toMatchObject({ kind: "image", mimeType: "image/jpeg" });
    expect(media.facts()).toEqual(known);
    expect(open).not.toHaveBeenCalled();
    expect(jpeg.equals(await prepared.bytes())).toBe(true);
    expect(media.facts()).toEqual(known);
    await prepared.visionImage();
    expect(open).toHaveBeenCalledTimes(1);
    await media.release();
  });

  it("do not let in what is not allowed any more, or was exchanged since", async () => {
    const { prepare } = mediaOf(() => ({ bytes: jpeg }), { known, input: { allow: ["image/png"] } });
    await expect(prepare()).rejects.toMatchObject({ code: "UNSUPPORTED_MEDIA" });
    const exchanged = mediaOf(() => ({ bytes: svg }), { known });
    await expect((await exchanged.prepare()).visionImage()).rejects.toMatchObject({ code: "UNSUPPORTED_MEDIA" });
  });
});

describe("decoding", () => {
  it("is done once, in a decode slot, and tells the size of the original", async () => {
    const slots = decodeSlots(1);
    const { media, prepare } = mediaOf(() => ({ bytes: jpeg }), slots);
    const prepared = await prepare();
    const free = slots.hold();
    const images = [prepared.visionImage(), prepared.visionImage()];
    await slots.waited();
    expect(media.facts()).not.toHaveProperty("width");
    expect(await prepared.facts()).not.toHaveProperty("width");
    free();

    const [image, same] = await Promise.all(images);
    expect(same).toBe(image);
    expect(await prepared.frames({ max: 3 })).toEqual([{ ...image, timeSeconds: 0 }]);
    expect(slots.calls()).toBe(1);
    expect(media.facts()).toMatchObject({ bytes: jpeg.length, width: 640, height: 427 });
    expect(await prepared.facts()).toEqual(media.facts());
    await media.release();
  });

  it("fails once when it fails for good", async () => {
    const slots = decodeSlots(1);
    const { media, prepare } = mediaOf(() => ({ bytes: jpeg.subarray(0, 9000) }), slots);
    const prepared = await prepare();
    for (let attempt = 1; attempt <= 3; attempt++)
      await expect(prepared.visionImage()).rejects.toMatchObject({ code: "INVALID_MEDIA", retryable: false });
    await expect(prepared.frames()).rejects.toMatchObject({ code: "INVALID_MEDIA" });
    expect(slots.calls()).toBe(1);
    await media.release();
  });

  it("goes by the settings", async () => {
    const { media, prepare, signal } = mediaOf(async () => ({ bytes: await quarters(300, 200).png().toBuffer() }), {
      ...{ vision: { maxSide: 100, multipleOf: 10 }, input: { limitInputPixels: 60_000 } },
    });
    expect(await (await prepare()).visionImage()).toMatchObject({ width: 100, height: 70, mimeType: "image/jpeg" });
    expect(await media.thumbnail(thumbnailOptions, signal)).toMatchObject({ width: 64, height: 43 });
    await media.release();

    const small = mediaOf(() => ({ bytes: jpeg }), { input: { limitInputPixels: 1000 } });
    await expect((await small.prepare()).visionImage()).rejects.toMatchObject({ code: "MEDIA_TOO_LARGE" });
    await expect(small.media.thumbnail(thumbnailOptions, signal)).rejects.toMatchObject({ code: "MEDIA_TOO_LARGE" });
    await small.media.release();
  });

  it("tells of damage once, however often the original is decoded", async () => {
    const onDamage = vi.fn();
    const cutOff = () => ({ bytes: jpeg.subarray(0, 40_000) });
    const { media, prepare, signal } = mediaOf(cutOff, { input: { tolerance: "lenient" }, onDamage });
    expect(await media.thumbnail(thumbnailOptions, signal)).toMatchObject({ width: 64 });
    expect(await media.thumbnail(thumbnailOptions, signal)).toMatchObject({ width: 64 });
    expect(await (await prepare()).visionImage()).toMatchObject({ mimeType: "image/jpeg" });
    expect(onDamage).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ code: "INVALID_MEDIA", stage: "open" }));
    await media.release();
  });

  it("lets in what is allowed, also a video, which an adapter may read but nothing here decodes", async () => {
    const vector = mediaOf(() => ({ bytes: svg }), { input: { allow: ["image/svg+xml"] } });
    expect(await (await vector.prepare()).visionImage()).toMatchObject({ width: 56, height: 56 });
    await vector.media.release();

    const { media, prepare, signal } = mediaOf(() => ({ bytes: mp4 }), { input: { allow: ["video/mp4"] } });
    const prepared = await prepare();
    expect(prepared.kind).toBe("video");
    expect(await prepared.bytes()).toBe(mp4);
    const refusal = { code: "UNSUPPORTED_MEDIA", message: expect.stringContaining("decoder") };
    for (const decoded of [prepared.visionImage(), prepared.frames(), media.thumbnail(thumbnailOptions, signal)])
      await expect(decoded).rejects.toMatchObject(refusal);
    await media.release();
  });
});

describe("the wait for a decode slot", () => {
  it("is told when it begins and when it ends, once for all who ask for the image", async () => {
    const slots = decodeSlots(1);
    const onDecodeWait = vi.fn<(waiting: boolean) => void>();
    const { media, prepare } = mediaOf(() => ({ bytes: jpeg }), { ...slots, onDecodeWait });
    const prepared = await prepare();
    const free = slots.hold();
    const images = [prepared.visionImage(), prepared.frames()];
    await slots.waited();
    expect(onDecodeWait.mock.calls).toEqual([[true]]);
    const ended = new Promise<void>((resolve) => onDecodeWait.mockImplementation(() => resolve()));
    free();
    await ended;
    expect(onDecodeWait.mock.calls).toEqual([[true], [false]]);
    expect(media.facts(), "the decoder is not done yet").not.toHaveProperty("width");
    await Promise.all(images);
    await prepared.visionImage();
    expect(onDecodeWait).toHaveBeenCalledTimes(2);
    await media.release();
  });

  it("ends when it is aborted, and when the image is damaged", async () => {
    const slots = decodeSlots(1);
    const onDecodeWait = vi.fn<(waiting: boolean) => void>();
    const { media, prepare, controller } = mediaOf(() => ({ bytes: jpeg }), { ...slots, onDecodeWait });
    const prepared = await prepare();
    const free = slots.hold();
    const image = expect(prepared.visionImage()).rejects.toThrow("stopped");
    await slots.waited();
    controller.abort(new Error("stopped"));
    await image;
    expect(onDecodeWait.mock.calls).toEqual([[true], [false]]);
    free();
    await media.release();

    onDecodeWait.mockClear();
    const damaged = mediaOf(() => ({ bytes: jpeg.subarray(0, 9000) }), { onDecodeWait });
    await expect((await damaged.prepare()).visionImage()).rejects.toMatchObject({ code: "INVALID_MEDIA" });
    expect(onDecodeWait.mock.calls).toEqual([[true], [false]]);
    await damaged.media.release();
  });
});

describe("the record that an adapter sees", () => {
  it("is a copy of it as it stands when it is asked for", async () => {
    const stored: { description?: string } = {};
    const record = () => ({ id: "u1", storageKey: "originals/u1", status: "analyzing" as const, ...stored });
    const { media, prepare } = mediaOf(() => ({ bytes: jpeg }), { record });
    const prepared = await prepare();
    expect(prepared.upload.description).toBeUndefined();
    stored.description = "a rocket";
    expect(prepared.upload.description).toBe("a rocket");
    expect((await prepare()).upload.description).toBe("a rocket");
    await media.release();
  });

  it("does not redirect anything when it is changed", async () => {
    const shared = { id: "u1", storageKey: "originals/u1", status: "analyzing" as const };
    const { media, prepare, open } = mediaOf([() => ({ stream: streamOf(jpeg) }), () => ({ bytes: jpeg })], {
      ...{ known: { mimeType: "image/jpeg", kind: "image" }, record: () => shared },
    });
    const prepared = await prepare();
    Object.assign(prepared.upload, { storageKey: "originals/of-somebody-else", id: "other" });
    await prepared.visionImage();
    expect(open.mock.calls.map(([key]) => key)).toEqual(["originals/u1"]);
    await media.release();
  });
});

describe("the facts that an adapter asks for", () => {
  it("are what is measured so far, and a copy", async () => {
    const { media, prepare } = mediaOf(() => ({ bytes: jpeg }));
    const prepared = await prepare();
    const facts = await prepared.facts();
    expect(facts).toEqual({ mimeType: "image/jpeg", kind: "image", bytes: jpeg.length });
    Object.assign(facts, { mimeType: "text/html" });
    expect(media.facts()).toMatchObject({ mimeType: "image/jpeg" });
    await prepared.visionImage();
    expect(await prepared.facts()).toMatchObject({ width: 640, height: 427 });
    await media.release();
    await expect(prepared.facts()).rejects.toMatchObject({ message: expect.stringContaining("had settled") });
  });
});
