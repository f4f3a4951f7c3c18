/** Has the photos of a folder processed by the example over Graphile Worker. */
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { pool, repository } from "./out/attempt.js";
import { enqueue, startWorker } from "./out/graphile-worker.js";

await repository.migrate();
await repository.addBatch({ id: "batch" });
const uploads = [
  { id: "photo", batchId: "batch", storageKey: "rocket.jpg" },
  { id: "text", batchId: "batch", storageKey: "CREDITS.md" },
];
await repository.addUploads(uploads);
await enqueue(uploads.map(({ id, batchId }) => ({ uploadId: id, batchId })));
const runner = await startWorker(2);
while ((await repository.findBatch("batch")).status !== "completed") await sleep(20);
await runner.stop();
assert.equal((await repository.findUpload("photo")).status, "completed");
assert.equal((await repository.findUpload("text")).errorCode, "INVALID_MEDIA");
await pool.end();
console.log("done");
