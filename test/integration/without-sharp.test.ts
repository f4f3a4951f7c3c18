import { expect, test, vi } from "vitest";
import { BatchProcessor, ConfigurationError, processUploadWithRetry } from "../../src/index.js";
import { ids, worldOf } from "../support/fakes.js";

const installed = vi.hoisted(() => ({ isSharp: false }));
vi.mock("../../src/media/sharp.ts", async (importOriginal) => {
  const original = await importOriginal<typeof import("../../src/media/sharp.js")>();
  return {
    ...original,
    loadSharp: async () => {
      if (installed.isSharp) return original.loadSharp();
      throw new ConfigurationError("sharp could not be loaded. Install it");
    },
  };
});

test("without sharp a batch ends at once and nothing is paid; with it the batch is done as if nothing had been", async () => {
  const uploads = ids(50);
  const { repository, storage, ai } = worldOf(uploads);
  ai.describe.mockImplementation(async (media) => `${(await media.visionImage()).width} pixels`);
  for (const thumbnail of [undefined, false] as const) {
    const processor = new BatchProcessor({ repository, storage, ai, concurrency: 4, thumbnail });
    const result = await processor.process("batch");
    expect(result).toMatchObject({ status: "failed", failed: 0, error: { code: "INVALID_CONFIGURATION" } });
    expect(result.error?.message).toContain("sharp could not be loaded");
    const left = await repository.listUploads({ batchId: "batch" }, { limit: 100 });
    expect(left.filter(({ status, starts }) => status !== "pending" || (starts ?? 0) !== 0)).toEqual([]);
    expect(ai.embed).not.toHaveBeenCalled();
  }
  // Described only where no thumbnail is wanted: its picture is what lacks sharp then.
  expect(ai.describe.mock.calls.length).toBeLessThanOrEqual(4);
  const single = processUploadWithRetry(uploads[0]?.id ?? "", { repository, storage, ai });
  await expect(single).rejects.toMatchObject({ fault: "deployment" });

  installed.isSharp = true;
  const result = await new BatchProcessor({ repository, storage, ai }).process("batch");
  expect(result).toMatchObject({ status: "completed", completed: 50, failed: 0 });
  expect(storage.keys().filter((key) => key.startsWith("thumbnails/"))).toHaveLength(50);
});
