import { copyFileSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { ffmpeg } from "../../src/adapters/ffmpeg.js";
import { memoryRepository, memoryStorage } from "../../src/adapters/memory.js";
import { type AIAdapter, processUploadWithRetry } from "../../src/index.js";
import { childProcesses } from "../support/child-processes.js";
import { hasFfmpeg, needsFfmpeg, type VideoName, Videos } from "../support/videos.js";

describe.skipIf(!hasFfmpeg)(`videos as uploads${needsFfmpeg}`, () => {
  let videos: Videos;
  beforeAll(async () => {
    videos = await Videos.create();
  });
  afterAll(() => videos.remove());
  afterEach(() => expect(childProcesses()).toEqual([]));

  async function upload(name: VideoName, describe: AIAdapter["describe"] = async () => "a video") {
    const storage = memoryStorage([["original", readFileSync(await videos.path(name))]]);
    const repository = memoryRepository({ uploads: [{ id: "1", storageKey: "original", status: "pending" }] });
    const ai = { describe, embed: async () => [1, 0] };
    const result = await processUploadWithRetry("1", { storage, ai, repository }, { decoders: [ffmpeg()] });
    return { result, thumbnail: storage.get("thumbnails/1.jpg"), record: await repository.findUpload("1") };
  }

  test("a thumbnail, facts, and frames for the model", async () => {
    const times: number[] = [];
    const { result, thumbnail, record } = await upload("rotated.mp4", async (media) => {
      expect(media.kind).toBe("video");
      for (const { timeSeconds, width, height } of await media.frames({ max: 4 })) {
        expect(width).toBeLessThan(height);
        times.push(timeSeconds);
      }
      return "a video";
    });
    expect(result.status).toBe("completed");
    expect(times).toEqual([0.25, 0.75, 1.25, 1.75]);
    const { width, height } = await sharp(thumbnail).metadata();
    expect([width, height]).toEqual([144, 256]);
    expect(record?.metadata?.media).toMatchObject({
      kind: "video",
      codec: "h264",
      width: 180,
      height: 320,
      durationSeconds: 2,
      frameRate: 30,
    });
  });

  // As file-type tells them.
  test.each([
    ["hevc.mp4", "video/mp4"],
    ["quicktime.mov", "video/quicktime"],
    ["3gp.3gp", "video/3gpp"],
    ["vp9.webm", "video/webm"],
    ["matroska.mkv", "video/matroska"],
    ["avi.avi", "video/vnd.avi"],
    ["transport.ts", "video/mp2t"],
    ["program.mpg", "video/mp1s"],
  ] as const)("%s is let in as %s", async (name, mimeType) => {
    const { result, record } = await upload(name);
    expect(result.status).toBe("completed");
    expect(record?.metadata?.media).toMatchObject({ mimeType });
  });

  test.each([
    ["cut-index-behind.mp4", "INVALID_MEDIA"],
    ["audio-alone.mp4", "UNSUPPORTED_MEDIA"],
    ["playlist.mp4", "INVALID_MEDIA"],
    ["script.mp4", "INVALID_MEDIA"],
  ] as const)("%s fails as %s", async (name, code) => {
    const { result } = await upload(name, async (media) => {
      await media.frames();
      return "never";
    });
    expect(result).toMatchObject({ status: "failed", error: { code, fault: "upload" } });
  });

  test("the example makes thumbnails and descriptions of a folder", async () => {
    const folder = join(videos.folder, "example");
    mkdirSync(folder);
    for (const name of ["h264.mp4", "vp9.webm", "audio-alone.mp4"] as const)
      copyFileSync(await videos.path(name), join(folder, name));
    const argv = process.argv;
    const log = vi.spyOn(console, "log").mockImplementation(() => {});
    process.argv = ["node", "videos.ts", folder];
    await import("../../examples/videos.js");
    process.argv = argv;
    const printed = log.mock.calls.join("\n");
    log.mockRestore();
    expect(printed).toContain("h264.mp4: completed, h264, 320 × 180, 2 s");
    expect(printed).toContain("vp9.webm: completed, vp9, 320 × 180, 2 s");
    expect(printed).toMatch(/audio-alone\.mp4: failed\n {2}.*no video stream/);
    expect(printed).toContain("2 of 3 completed");
    expect(readdirSync(join(folder, "thumbnails")).sort()).toEqual(["h264.mp4.jpg", "vp9.webm.jpg"]);
  });
});
