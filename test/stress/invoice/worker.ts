/** A worker that writes down what its ledger books, call by call. It may be killed at any moment. */
import { appendFileSync } from "node:fs";
import pg from "pg";
import { type PostgresUpload, postgresRepository } from "../../../src/adapters/postgres.js";
import { BatchProcessor } from "../../../src/index.js";
import { jpeg } from "../../support/jpeg.js";
import { serviceAI } from "./client.js";
import { BATCH, type InvoicePlan, type Line, TABLES } from "./plan.js";

const plan = JSON.parse(process.argv[2] ?? "") as InvoicePlan;
const write = (line: Omit<Line, "pid">) =>
  appendFileSync(plan.book, `${JSON.stringify({ ...line, pid: process.pid })}\n`);

const pool = new pg.Pool({ connectionString: plan.url, max: 4 });
pool.on("error", () => {});
const stored = postgresRepository(pool, { tables: TABLES, vector: "array" });
const processor = new BatchProcessor<PostgresUpload>({
  storage: { open: async () => ({ bytes: jpeg }), write: async () => {}, delete: async () => {} },
  ai: serviceAI(plan.service),
  repository: {
    ...stored,
    async updateUpload(id, changes, claim) {
      const outcome = await stored.updateUpload(id, changes, claim);
      const acknowledged = (stage: string) => write({ event: "acknowledged", call: "", stage, id, cost: 0 });
      if (outcome === "saved" && changes.description) acknowledged("describe");
      if (outcome === "saved" && changes.embedding) acknowledged("embed");
      return outcome;
    },
  },
  plugins: [
    {
      async around(scope, run) {
        const { usage = {} } = await run();
        if (scope.kind !== "stage" || (scope.stage !== "describe" && scope.stage !== "embed")) return;
        const { cost, model = "" } = usage;
        const call = { stage: scope.stage, id: scope.uploadId };
        // Without a price there was no answer: the call was cut off.
        write(
          cost === undefined
            ? { event: "cut", call: "", cost: 0, ...call }
            : { event: "booked", call: model, cost, ...call },
        );
      },
    },
  ],
  thumbnail: false,
  concurrency: plan.concurrency,
  retry: { maxAttempts: 20, minTimeout: 1, maxTimeout: 5 },
  breaker: false,
  lease: { durationMs: plan.leaseMs, maxStarts: 1_000_000 },
});
processor.on("upload:settled", (settled) => {
  if (settled.status !== "skipped" || settled.reason !== "claimed-elsewhere" || settled.attempts === 0) return;
  write({ event: "lost", call: "", stage: "", id: settled.uploadId, cost: 0 });
});
processor.once("upload:started", () => console.log("working"));

const [recovered] = await processor.recover();
const { status } = recovered ?? (await processor.process(BATCH));
await pool.end();
console.log(JSON.stringify({ status, cost: processor.health().usage.cost ?? 0 }));
