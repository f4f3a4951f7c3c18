/** Has photos processed by the example over DBOS, by a worker that is killed on the way and by another one after it. */
import assert from "node:assert/strict";
import { fork } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { DBOS } from "@dbos-inc/dbos-sdk";
import { pool, repository } from "./out/attempt.js";
import { enqueue, startWorker } from "./out/dbos.js";

const batchId = "batch";
const photos = ["rocket.jpg", "astronaut.jpg", "hubble.jpg", "cat.png", "coffee.webp"];
const uploads = Array.from({ length: 40 }, (_, index) => ({
  id: `photo-${index}`,
  batchId,
  storageKey: photos[index % photos.length],
}));
uploads.push({ id: "text", batchId, storageKey: "CREDITS.md" });

if (process.argv[2] === "to-be-killed") {
  await startWorker();
  await enqueue(uploads.map(({ id }) => ({ uploadId: id, batchId })));
} else {
  await repository.migrate();
  await repository.addBatch({ id: batchId });
  await repository.addUploads(uploads);

  const first = fork(process.argv[1], ["to-be-killed"]);
  const countOf = async (status) => (await repository.countUploads({ batchId }))[status] ?? 0;
  while ((await countOf("completed")) === 0) await sleep(5);
  first.kill("SIGKILL");
  await once(first, "exit");
  assert.notEqual(await countOf("completed"), uploads.length - 1, "killed too late");

  await startWorker();
  await enqueue(uploads.map(({ id }) => ({ uploadId: id, batchId }))); // nothing is done twice
  while ((await repository.findBatch(batchId)).status !== "completed") await sleep(20);
  assert.equal(await countOf("completed"), uploads.length - 1);
  assert.equal((await repository.findUpload("text")).errorCode, "INVALID_MEDIA");
  // The workflow ends a moment after its upload.
  const open = () => DBOS.listWorkflows({ status: "PENDING" });
  while ((await open()).length > 0) await sleep(20);
  const failed = await DBOS.listWorkflows({ status: "ERROR" });
  assert.deepEqual(
    failed.map(({ workflowID }) => workflowID),
    ["upload-text"],
  );

  // A database that is away ends no workflow.
  await repository.addUploads([{ id: "late", storageKey: "cat.png" }]);
  const { query, connect } = pool;
  const isAway = () => Promise.reject(Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" }));
  Object.assign(pool, { query: isAway, connect: isAway });
  await enqueue([{ uploadId: "late" }]);
  while (((await DBOS.listWorkflowSteps("upload-late")) ?? []).length === 0) await sleep(20);
  Object.assign(pool, { query, connect });
  while ((await repository.findUpload("late")).status !== "completed") await sleep(20);

  // What was reset is done again.
  const redone = { ids: ["photo-0"] };
  assert.equal(await repository.resetUploads(redone, "reprocess-all", "once more"), 1);
  await enqueue([{ uploadId: "photo-0", batchId }]);
  while ((await repository.findUpload("photo-0")).metadata.redo !== "once more") await sleep(20);

  // The upload of a cancelled batch stays open, and its workflow ends.
  await repository.addBatch({ id: "cancelled", status: "cancelled" });
  await repository.addUploads([{ id: "unwanted", batchId: "cancelled", storageKey: "cat.png" }]);
  await enqueue([{ uploadId: "unwanted", batchId: "cancelled" }]);
  while ((await DBOS.getWorkflowStatus("upload-unwanted")).status !== "SUCCESS") await sleep(20);
  assert.equal((await repository.findUpload("unwanted")).status, "pending");
  while ((await open()).length > 0) await sleep(20);
  await DBOS.shutdown();
  await pool.end();
  console.log("done");
}
