import { describe, expect, test } from "vitest";
import { mediaFacts, type ProcessOptions, processUploadWithRetry, UploadError } from "../../src/index.js";
import { fakeDecoder } from "../support/fake-decoder.js";
import { uploadOf, worldOf } from "../support/fakes.js";
import { mp4, photo, quarters } from "../support/images.js";

const EXIF = {
  IFD0: { Make: "Acme", Model: "One" },
  IFD2: { DateTimeOriginal: "2024:05:01 12:34:56" },
  IFD3: { GPSLatitudeRef: "N", GPSLatitude: "10/1 0/1 0/1", GPSLongitudeRef: "E", GPSLongitude: "20/1 0/1 0/1" },
};
const ALL = { exif: true, location: true };

async function worldWith(original?: Uint8Array) {
  const upload = uploadOf("u1");
  const world = worldOf([upload]);
  const put = (bytes: Uint8Array) => world.storage.put(upload.storageKey, bytes);
  put(original ?? (await quarters(80, 60).withExif(EXIF).jpeg().toBuffer()));
  const factsOf = async (options: ProcessOptions, ai = world.ai) => {
    const result = await processUploadWithRetry("u1", { ...world, ai }, options);
    if (result.status !== "completed") throw new Error(result.status);
    return mediaFacts(result.upload);
  };
  return { ...world, put, factsOf };
}

describe("facts of a redo", () => {
  test("are measured anew by reprocess-all, as the options say now", async () => {
    const { factsOf } = await worldWith();
    const before = await factsOf({ facts: ALL });
    expect(before).toMatchObject({ gps: { latitude: 10 }, camera: "Acme One", takenAt: "2024-05-01T12:34:56" });
    const after = await factsOf({ facts: { exif: true }, rerun: "reprocess-all" });
    expect(after).toMatchObject({ camera: "Acme One" });
    expect(after).not.toHaveProperty("gps");
    const last = await factsOf({ rerun: "reprocess-all" });
    for (const fact of ["gps", "camera", "takenAt"]) expect(last).not.toHaveProperty(fact);
  });

  test("are those of the original that stands there now", async () => {
    const { factsOf, put } = await worldWith();
    await factsOf({ facts: ALL });
    const other = photo("rocket.jpg");
    put(other);
    expect(await factsOf({ facts: ALL, rerun: "reprocess-all" })).toEqual({
      mimeType: "image/jpeg",
      kind: "image",
      bytes: other.length,
      width: 640,
      height: 427,
    });
  });

  test("come from the decoder again", async () => {
    const { factsOf } = await worldWith(mp4);
    const first = fakeDecoder({ probe: { codec: "h264", width: 320, height: 180, durationSeconds: 3 } });
    expect(await factsOf({ decoders: [first] })).toMatchObject({ codec: "h264", durationSeconds: 3 });
    const second = fakeDecoder({ probe: { codec: "av1", width: 640, height: 360 } });
    const after = await factsOf({ decoders: [second], rerun: "reprocess-all" });
    expect(after).toMatchObject({ codec: "av1", width: 640, height: 360 });
    expect(after).not.toHaveProperty("durationSeconds");
    expect(second.probes).toBe(1);
  });

  test("stay where the description does, but for what is not asked for any more", async () => {
    const { ai, factsOf } = await worldWith();
    const versioned = (embed: string) => Object.assign({}, ai, { version: { describe: "d1", embed } });
    await factsOf({ facts: ALL, placeholder: "thumbhash" }, versioned("e1"));
    const options = { facts: { exif: true }, placeholder: "thumbhash", rerun: "reprocess" } as const;
    const after = await factsOf(options, versioned("e2"));
    expect(ai.describe).toHaveBeenCalledTimes(1);
    expect(after).toMatchObject({ width: 80, camera: "Acme One", placeholder: expect.any(String) });
    expect(after).not.toHaveProperty("gps");
  });

  test("of a retry are measured anew where the original was replaced, and the pictures stay", async () => {
    const { ai, factsOf, put } = await worldWith();
    ai.describe.mockImplementationOnce(async (media) => {
      await media.facts();
      throw new UploadError("no", { code: "CONTENT_REFUSED" });
    });
    const options = { facts: ALL, placeholder: "thumbhash" } as const;
    await expect(factsOf(options)).rejects.toThrow("failed");
    put(photo("rocket.jpg"));
    ai.describe.mockImplementation(async (media) => {
      await media.visionImage();
      return "a rocket";
    });
    const after = await factsOf({ ...options, rerun: "retry" });
    expect(after).toMatchObject({ width: 640, height: 427, placeholder: expect.any(String) });
    for (const fact of ["gps", "camera", "takenAt"]) expect(after).not.toHaveProperty(fact);
  });
});
