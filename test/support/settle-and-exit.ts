/** Does every kind of work once, and tells what is left open when it has settled. */
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import sharp from "sharp";

const temporary = mkdtempSync(join(tmpdir(), "upload-processor-test-"));
process.env.TMPDIR = temporary;
process.on("exit", () => rmSync(temporary, { recursive: true, force: true }));

const { memoryRepository } = await import("../../src/adapters/memory.js");
const { BatchProcessor } = await import("../../src/index.js");

const jpeg = await sharp({ create: { width: 400, height: 300, channels: 3, background: "#336699" } })
  .jpeg()
  .toBuffer();
const uploads = Array.from({ length: 8 }, (_, n) => ({
  ...{ id: `u${n}`, storageKey: `originals/${n}`, status: "pending" as const, batchId: "b" },
}));
const repository = memoryRepository({ uploads, batches: [{ id: "b", status: "pending" }] });
const processor = new BatchProcessor({
  storage: {
    open: async (key) => {
      if (key.endsWith("1")) return null;
      return key.endsWith("2") ? { stream: Readable.from([jpeg]) } : { bytes: jpeg };
    },
    write: async () => {},
    delete: async () => {},
  },
  ai: {
    describe: async (media) => {
      if (media.upload.id === "u3") throw Object.assign(new Error("refused"), { status: 400 });
      const { width } = await media.visionImage();
      return `${await media.path().then(() => "an image")} of ${width} pixels`;
    },
    embed: async () => [1, 2, 3],
  },
  repository,
  retry: { minTimeout: 1 },
});
processor.on("upload:progress", () => {});
await processor.process("b");
await processor.close();
const statuses = await repository.countUploads({ batchId: "b" });
// sharp's thread pool is the process's own; whatever else is open would be ours.
const timers = process.getActiveResourcesInfo().filter((kind) => kind === "Timeout" || kind === "FSReqPromise");
console.log(JSON.stringify({ statuses, timers, temporary: readdirSync(temporary) }));
