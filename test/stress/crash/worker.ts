/**
 * A worker as one writes it: connects, works on the batch until nothing of it is open, and ends in good order on SIGTERM. It
 * may be killed at any moment. What it begins and what is acknowledged is appended to a ledger, which survives the kill.
 */
import { appendFileSync } from "node:fs";
import { setTimeout } from "node:timers/promises";
import { fileStorage } from "../../../src/adapters/fs.js";
import { localAI } from "../../../src/adapters/local-ai.js";
import { type PostgresUpload, postgresRepository } from "../../../src/adapters/postgres.js";
import { type AIAdapter, BatchProcessor } from "../../../src/index.js";
import { Delays } from "./delays.js";
import { BATCH, type Entry, type WorkerPlan } from "./plan.js";
import { connect, TABLES } from "./store.js";

const plan = JSON.parse(process.argv[2] ?? "") as WorkerPlan;
const write = (entry: Omit<Entry, "pid">) =>
  appendFileSync(plan.ledger, `${JSON.stringify({ ...entry, pid: process.pid })}\n`);

const database = await connect(plan.store);
const delays = new Delays(plan.leaseMs);
const stored = postgresRepository(database.client, { tables: TABLES });
const repository: typeof stored = {
  ...stored,
  async updateUpload(id, changes, claim) {
    const outcome = await delays.of(stored.updateUpload(id, changes, claim));
    if (outcome === "saved" && changes.description) write({ event: "acknowledged", stage: "describe", id });
    if (outcome === "saved" && changes.embedding) write({ event: "acknowledged", stage: "embed", id });
    return outcome;
  },
};

const model: AIAdapter<PostgresUpload> = localAI();
const ai: AIAdapter<PostgresUpload> = {
  ...model,
  async describe(media, context) {
    write({ event: "begun", stage: "describe", id: media.upload.id });
    await setTimeout(plan.describeMs, undefined, { signal: context.signal });
    return model.describe(media, context);
  },
  async embed(input, context) {
    write({ event: "begun", stage: "embed", id: input.media.upload.id });
    if (model.embed === undefined) throw new Error("localAI has no embed");
    return model.embed(input, context);
  },
};

const processor = new BatchProcessor<PostgresUpload>({
  storage: fileStorage(plan.objects),
  ai,
  repository,
  concurrency: plan.concurrency,
  // Kills at random may hit the same upload three times: what is quarantined then is told apart from poison by nobody.
  lease: { durationMs: plan.leaseMs, maxStarts: 1_000_000 },
});
process.once("SIGTERM", () => void processor.close({ graceMs: plan.graceMs }));
processor.on("upload:settled", (settled) => {
  if (delays.hasLost(settled)) write({ event: "lost", stage: "describe", id: settled.uploadId });
});
processor.once("upload:started", () => console.log("working"));
processor.on("batch:paused", ({ reason }) => console.log(`paused: ${reason}`));

// What an earlier worker has left comes first.
const [recovered] = await processor.recover();
const { status, error, completed, failed } = recovered ?? (await processor.process(BATCH));
await database.close();
console.log(JSON.stringify({ status, completed, failed, ...(error && { error }) }));
