/**
 * A worker that does a batch again when a new model is deployed: first what an earlier process has left, then what is stale.
 * It may be killed at any moment; on SIGTERM it ends in good order.
 */
import { appendFileSync } from "node:fs";
import { setTimeout } from "node:timers/promises";
import pg from "pg";
import { fileStorage } from "../../../src/adapters/fs.js";
import { type PostgresUpload, postgresRepository } from "../../../src/adapters/postgres.js";
import { BatchProcessor } from "../../../src/index.js";
import { Delays } from "../crash/delays.js";
import type { Entry } from "../crash/plan.js";
import { BATCH, type RedoPlan, tablesIn } from "./redo-plan.js";

const plan = JSON.parse(process.argv[2] ?? "") as RedoPlan;
const { version } = plan;
const write = (event: Entry["event"], stage: Entry["stage"], id: string) =>
  appendFileSync(plan.ledger, `${JSON.stringify({ event, stage, id: `${id} ${version}`, pid: process.pid })}\n`);

const delays = new Delays(plan.leaseMs);
const pool = new pg.Pool({ connectionString: plan.url, max: 4 });
pool.on("error", () => {});
const stored = postgresRepository(pool, { tables: tablesIn(plan.schema), vector: "array" });
const processor = new BatchProcessor<PostgresUpload>({
  storage: fileStorage(plan.objects),
  ai: {
    version,
    describe: async ({ upload }, { signal }) => {
      write("begun", "describe", upload.id);
      await setTimeout(100 + Math.random() * 200, undefined, { signal });
      return `${version} of ${upload.id}`;
    },
    embed: async ({ media, text }, { signal }) => {
      write("begun", "embed", media.upload.id);
      await setTimeout(20 + Math.random() * 60, undefined, { signal });
      return [text.length, Number(version.slice(1))];
    },
  },
  repository: {
    ...stored,
    async updateUpload(id, changes, claim) {
      const outcome = await delays.of(stored.updateUpload(id, changes, claim));
      // "cancelled" is written, too.
      const isWritten = outcome === "saved" || outcome === "cancelled";
      if (isWritten && (changes.description ?? changes.draft?.description)) write("acknowledged", "describe", id);
      if (isWritten && (changes.embedding ?? changes.draft?.embedding)) write("acknowledged", "embed", id);
      return outcome;
    },
  },
  thumbnail: { key: ({ id }) => `thumbnails/${id}-${version}.jpg` },
  concurrency: plan.concurrency,
  lease: { durationMs: plan.leaseMs, maxStarts: 1_000_000 },
});
process.once("SIGTERM", () => void processor.close({ graceMs: 20 }));
processor.on("upload:settled", (settled) => {
  if (delays.hasLost(settled)) write("lost", "describe", settled.uploadId);
});
processor.once("upload:started", () => console.log("working"));

try {
  await processor.recover();
  await processor.recover({ statuses: ["cancelled"] });
  await processor.rerun({ batchId: BATCH }, "reprocess", { name: version });
} catch (error) {
  if (!String(error).includes("is closed")) throw error;
}
await pool.end();
console.log("ended");
