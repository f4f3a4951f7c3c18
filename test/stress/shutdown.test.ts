import { setTimeout as later } from "node:timers/promises";
import { expect, test } from "vitest";
import { postgresRepository } from "../../src/adapters/postgres.js";
import { resultOf, siteWith, UPLOADS, verdictOn } from "../support/crash-site.js";
import { readLedger } from "./crash/ledger.js";
import { BATCH, type WorkerPlan } from "./crash/plan.js";
import { pgliteIn } from "./crash/site.js";
import { connect, TABLES } from "./crash/store.js";
import { WorkerProcess } from "./crash/worker-process.js";

async function uploadsOf({ store }: WorkerPlan) {
  const { client, close } = await connect(store);
  const uploads = await postgresRepository(client, { tables: TABLES }).listUploads(
    { batchId: BATCH },
    { limit: UPLOADS },
  );
  await close();
  return uploads;
}

test("SIGTERM: what is in work is done, the rest stays pending, the process exits with 0, and another continues", async () => {
  const { plan } = await siteWith(({ folder }) => pgliteIn(folder));
  const worker = new WorkerProcess({ ...plan, describeMs: 200 });
  await worker.working;
  await later(500);
  worker.signal("SIGTERM");
  expect(resultOf(await worker.ended)).toMatchObject({ status: "processing" });
  const statuses = (await uploadsOf(plan)).map(({ status }) => status);
  const { describes } = readLedger(plan.ledger);
  expect(statuses.filter((status) => status === "completed")).toHaveLength(describes);
  expect(statuses.filter((status) => status === "pending")).toHaveLength(UPLOADS - describes);
  expect(describes).toBeGreaterThan(0);
  expect(describes).toBeLessThan(UPLOADS);

  expect(resultOf(await new WorkerProcess(plan).ended)).toMatchObject({ status: "completed" });
  expect(await verdictOn(plan)).toMatchObject({ problems: [], extraDescribes: 0, temporaryFiles: 0 });
}, 60_000);

test("SIGTERM: what does not end within the grace is released, for others to take at once", async () => {
  const { plan } = await siteWith(({ folder }) => pgliteIn(folder));
  // With a lease of an hour: whatever kept one would keep the next worker from coming to its end.
  const worker = new WorkerProcess({ ...plan, leaseMs: 3_600_000, describeMs: 3_600_000, graceMs: 300 });
  while (readLedger(plan.ledger).describes < plan.concurrency) await later(20);
  worker.signal("SIGTERM");
  expect(resultOf(await worker.ended)).toMatchObject({ status: "processing" });
  const uploads = await uploadsOf(plan);
  expect(uploads.map(({ status }) => status)).toEqual(Array(UPLOADS).fill("pending"));
  // An orderly release is no crash: it does not count towards the quarantine. Thumbnails that are made are kept.
  expect(uploads.map(({ starts }) => starts)).toEqual(Array(UPLOADS).fill(0));
  expect(uploads.filter(({ thumbnailKey }) => thumbnailKey)).toHaveLength(plan.concurrency);

  expect(resultOf(await new WorkerProcess(plan).ended)).toMatchObject({ status: "completed" });
  expect(await verdictOn(plan)).toMatchObject({ problems: [], extraDescribes: plan.concurrency });
}, 60_000);
