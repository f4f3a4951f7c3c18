import { describe, expect, test } from "vitest";
import { BatchProcessor, UploadError } from "../../src/index.js";
import { fakeDecoder } from "../support/fake-decoder.js";
import { uploadOf, worldOf } from "../support/fakes.js";
import { mp4 } from "../support/images.js";

/** What a disk answers for a sector that it cannot read. */
const unreadable = () =>
  new UploadError("Out of threads", { code: "STORAGE_FAILED", fault: "service", retryable: true });

/** Videos whose files cannot be read, by a model that looks at them, and photos beside. */
function batchOf(ids: readonly string[]) {
  const uploads = ids.map((id) => uploadOf(id));
  const world = worldOf(uploads);
  for (const { id, storageKey } of uploads) if (id.startsWith("video")) world.storage.put(storageKey, mp4);
  const decoder = fakeDecoder({
    before: async () => {
      throw unreadable();
    },
  });
  world.ai.describe.mockImplementation(async (media) => `${(await media.visionImage()).width} px wide`);
  const processor = new BatchProcessor({ ...world, decoders: [decoder], thumbnail: false, retry: { minTimeout: 1 } });
  return { decoder, run: () => processor.processUploads(uploads) };
}

describe("an original that the storage opens, and that cannot be read when it is decoded", () => {
  test.each([
    ["beside others", ["video", "photo 1", "photo 2"]],
    ["alone", ["video"]],
  ])("fails, %s, when its attempts are used up, and the batch ends", async (_, ids) => {
    const { decoder, run } = batchOf(ids);
    const result = await run();
    expect(result).toMatchObject({ status: "completed", completed: ids.length - 1, failed: 1 });
    expect(result.failures).toMatchObject([{ uploadId: "video", error: { code: "STORAGE_FAILED", stage: "open" } }]);
    expect(decoder.requests.length).toBeGreaterThanOrEqual(3);
  });
});
