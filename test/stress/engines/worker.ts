/**
 * A worker of an engine as one writes it: works until SIGTERM, and ends in good order then. It may be killed or frozen at any
 * moment; what it begins, and what is acknowledged, is appended to a ledger, which survives that.
 */
import { appendFileSync } from "node:fs";
import { setTimeout } from "node:timers/promises";
import pg from "pg";
import { memoryStorage } from "../../../src/adapters/memory.js";
import { type PostgresUpload, postgresRepository } from "../../../src/adapters/postgres.js";
import type { AIAdapter } from "../../../src/index.js";
import { postgresChannel, publishTo } from "../../../src/integrations/progress.js";
import { jpeg } from "../../support/image.js";
import { engineOf } from "./engines.js";
import { BATCH, type EnginePlan, type Entry, tablesOf } from "./plan.js";

const plan = JSON.parse(process.argv[2] ?? "") as EnginePlan;
const write = (event: Entry["event"], id: string) =>
  appendFileSync(plan.ledger, `${JSON.stringify({ event, id, pid: process.pid })}\n`);

const pool = new pg.Pool({ connectionString: plan.postgres, max: 4 });
pool.on("error", () => {});
const stored = postgresRepository(pool, { tables: tablesOf(plan), vector: "array" });
const repository: typeof stored = {
  ...stored,
  async updateUpload(id, changes, claim) {
    const outcome = await stored.updateUpload(id, changes, claim);
    if (outcome === "saved" && changes.description) write("acknowledged", id);
    return outcome;
  },
};
const storage = memoryStorage();
storage.put("photo.jpg", jpeg);
const ai: AIAdapter<PostgresUpload> = {
  async describe({ upload }, { signal }) {
    write("begun", upload.id);
    console.log("working");
    await setTimeout(plan.describeMs, undefined, { signal });
    return `A photo of ${upload.id}`;
  },
  embed: async ({ text }) => [text.length, 1, 0],
};

const { close } = await engineOf(plan.engine).work(
  plan,
  { storage, ai, repository },
  {
    plugins: [publishTo(postgresChannel(pool, { name: plan.name }))],
    onBatchSettled: () => write("batch settled", BATCH),
  },
);
process.once("SIGTERM", async () => {
  await close();
  await pool.end();
});
