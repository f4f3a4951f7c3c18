/**
 * Moderation before anything is paid for: a stage of your own refuses a picture, and no model ever sees it.
 *
 *     npx tsx examples/moderation.ts
 */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { BatchProcessor, defineStage, stageResult, UploadError } from "upload-processor";
import { fileStorage } from "upload-processor/fs";
import { localAI } from "upload-processor/local-ai";
import { memoryRepository } from "upload-processor/memory";

/** Stands in for a moderation service: it takes offence at cats. */
const service = createServer((request, response) => {
  const category = request.url?.endsWith("cat.png") ? "cats" : null;
  request.resume().on("end", () => response.end(JSON.stringify({ category, score: category ? 0.97 : 0.02 })));
});
await once(service.listen(0, "127.0.0.1"), "listening");
const url = `http://127.0.0.1:${(service.address() as AddressInfo).port}`;

const moderation = defineStage({
  name: "moderation",
  before: "thumbnail",
  async run(media, { signal, idempotencyKey }) {
    const { data, mimeType } = await media.visionImage();
    const headers = { "content-type": mimeType, "idempotency-key": idempotencyKey };
    const body = new Uint8Array(data);
    const response = await fetch(`${url}/${media.upload.fileName}`, { method: "POST", body, headers, signal });
    // With the status the library knows whether to try again: 503 is the service's fault, not the picture's.
    if (!response.ok) throw Object.assign(new Error(await response.text()), { status: response.status });
    const { category, score } = (await response.json()) as { category: string | null; score: number };
    if (category !== null) throw new UploadError(`The picture shows ${category}`, { code: "REJECTED" });
    return { score };
  },
});

const fileNames = ["astronaut.jpg", "cat.png", "coffee.webp"];
const uploads = fileNames.map((fileName) => {
  return { id: fileName, fileName, storageKey: `photos/${fileName}`, status: "pending" as const };
});
const processor = new BatchProcessor({
  storage: fileStorage("examples"),
  ai: localAI(),
  repository: memoryRepository({ uploads }),
  stages: [moderation],
});
processor.on("upload:settled", (result) => {
  if (result.status === "completed")
    console.log(`${result.uploadId}: let in at ${stageResult(result.upload, moderation)?.score}`);
  else if (result.status === "failed")
    console.log(
      `${result.uploadId}: ${result.error.code}, ${result.error.message}, model calls: ${result.usage.requests ?? 0}`,
    );
});
await processor.processUploads(fileNames);
service.close();
