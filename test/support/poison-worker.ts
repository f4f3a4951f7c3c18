/**
 * Works on one batch of a database on disk, like a worker that is restarted whenever it dies. One upload takes the process
 * down, as an image does that crashes the native decoder. Appends the ids of what it describes to a log.
 */
import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { PGlite } from "@electric-sql/pglite";
import { postgresRepository } from "../../src/adapters/postgres.js";
import { BatchProcessor } from "../../src/index.js";
import { jpeg } from "./image.js";

const [folder = "", poison = ""] = process.argv.slice(2);
const database = await PGlite.create(join(folder, "database"));
const repository = postgresRepository(database);
await repository.migrate();
if ((await repository.findBatch("batch")) === null) {
  await repository.addBatch({ id: "batch", status: "pending" });
  await repository.addUploads(
    Array.from({ length: 12 }, (_, n) => ({ id: `u${n}`, storageKey: `originals/${n}`, batchId: "batch" })),
  );
}
const processor = new BatchProcessor({
  storage: { open: async () => ({ bytes: jpeg }), write: async () => {}, delete: async () => {} },
  ai: {
    describe: async ({ upload }) => {
      appendFileSync(join(folder, "described.log"), `${upload.id}\n`);
      await new Promise((resolve) => setTimeout(resolve, 30));
      if (upload.id === poison) process.kill(process.pid, "SIGKILL");
      return "text";
    },
    embed: async () => [1, 2, 3],
  },
  repository,
  concurrency: 4,
  lease: { durationMs: 300 },
});
const { status, completed, failed } = await processor.process("batch");
const uploads = await repository.listUploads({ batchId: "batch" }, { limit: 100 });
const quarantined = uploads.filter(({ errorCode }) => errorCode === "QUARANTINED").map(({ id }) => id);
const counts = await repository.countUploads({ batchId: "batch" });
console.log(JSON.stringify({ status, completed, failed, counts, quarantined }));
await database.close();
