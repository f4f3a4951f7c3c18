/** Has photos processed by the NestJS example: its module enqueues them, and its worker takes them. */
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { NestFactory } from "@nestjs/core";
import { repository, UploadsModule, UploadsService } from "./out/nestjs.js";

await repository.migrate();
await repository.addBatch({ id: "batch" });
const uploads = [
  { id: `photo-${process.pid}`, batchId: "batch", storageKey: "rocket.jpg" },
  { id: `text-${process.pid}`, batchId: "batch", storageKey: "CREDITS.md" },
];
await repository.addUploads(uploads);
const app = await NestFactory.createApplicationContext(UploadsModule, { logger: false });
assert.deepEqual(await app.get(UploadsService).enqueue(uploads), { added: 2, already: 0 });
while ((await repository.findBatch("batch")).status !== "completed") await sleep(20);
assert.equal((await repository.findUpload(uploads[0].id)).status, "completed");
assert.equal((await repository.findUpload(uploads[1].id)).errorCode, "INVALID_MEDIA");
await app.close();
console.log("done");
