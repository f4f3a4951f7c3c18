/** An adapter that starts every call and awaits none. Prints "alive" when the process survives the rejections. */
import { readFileSync } from "node:fs";
import { Cancellation } from "../../src/async/cancellation.js";
import type { StorageAdapter } from "../../src/index.js";
import { createUploadMedia } from "../../src/pipeline/media.js";

const [path = ""] = process.argv.slice(2);
const whole = readFileSync(path);
const silent = { debug() {}, info() {}, warn() {}, error() {} };

function mediaOf(open: StorageAdapter["open"], known?: { mimeType: string; kind: "image" }) {
  return createUploadMedia({
    record: () => ({ id: "u1", storageKey: "originals/u1", status: "analyzing" }),
    storageKey: "originals/u1",
    storage: { open, write: async () => {}, delete: async () => {} },
    settings: {
      input: { maxBytes: 1e9, limitInputPixels: 1e8, tolerance: "strict", allow: ["image/jpeg"] },
      vision: { maxSide: 1568, multipleOf: 28, quality: 85, background: "#ffffff" },
      timeouts: { thumbnailMs: 60_000, describeMs: 60_000, embedMs: 60_000, decodeMs: 60_000 },
      facts: { exif: false, location: false },
      decoders: new Map(),
      logger: silent,
    },
    decode: (_, task) => task(),
    cancellation: new Cancellation(),
    known,
  });
}

async function startAll(media: ReturnType<typeof mediaOf>): Promise<void> {
  const { visionImage, frames, path, bytes, stream, facts } = await media.prepare(new Cancellation());
  const startEach = () => [visionImage(), frames(), path(), bytes(), stream(), facts()];
  startEach();
  await Promise.allSettled(startEach());
  await new Promise(setImmediate); // Node looks for rejections that nobody handles before this
  await media.release();
  startEach();
  await Promise.allSettled(startEach());
  await new Promise(setImmediate);
}

await startAll(mediaOf(async () => ({ bytes: whole.subarray(0, 9000) })));
const unreachable = async () => {
  throw new Error("unreachable");
};
await startAll(mediaOf(unreachable, { mimeType: "image/jpeg", kind: "image" }));

for (const answer of [{ bytes: whole }, { path }]) {
  const media = mediaOf(async () => answer);
  const stream = await (await media.prepare(new Cancellation())).stream();
  stream.destroy(new Error("the disk is gone"));
  await new Promise((resolve) => stream.once("close", resolve));
  await media.release();
}
console.log("alive");
