/**
 * A folder of videos: a thumbnail of each, and a description of what is seen in its middle. Needs ffmpeg on the machine.
 *
 *     npx tsx examples/videos.ts ~/Videos
 *
 * The thumbnails are written to a folder of their own, `thumbnails` in it.
 */
import { readdir } from "node:fs/promises";
import { extname } from "node:path";
import { BatchProcessor } from "upload-processor";
import { ffmpeg } from "upload-processor/ffmpeg";
import { fileStorage } from "upload-processor/fs";
import { localAI } from "upload-processor/local-ai";
import { memoryRepository } from "upload-processor/memory";

const NAMES = [".mp4", ".mov", ".m4v", ".3gp", ".webm", ".mkv", ".avi", ".mts", ".m2ts", ".mpg"];

const folder = process.argv[2] ?? ".";
const names = (await readdir(folder)).filter((name) => NAMES.includes(extname(name).toLowerCase()));
const uploads = names.map((name) => ({ id: name, storageKey: name, status: "pending" as const }));
const repository = memoryRepository({ uploads });
// Put your own model in place of localAI: it may ask for `media.frames({ max: 10 })`, which are spread over the length.
const processor = new BatchProcessor({
  storage: fileStorage(folder),
  ai: localAI(),
  repository,
  decoders: [ffmpeg()],
});

const batch = await processor.processUploads(uploads);
for (const { id } of uploads) {
  const upload = await repository.findUpload(id);
  const { codec, width, height, durationSeconds } = Object(upload?.metadata?.media);
  console.log(
    `${id}: ${upload?.status}${codec === undefined ? "" : `, ${codec}, ${width} × ${height}, ${durationSeconds} s`}`,
  );
  console.log(`  ${upload?.status === "completed" ? upload.description : upload?.errorMessage}`);
}
console.log(`${batch.completed} of ${uploads.length} completed`);
