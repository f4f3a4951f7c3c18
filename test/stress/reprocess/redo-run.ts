import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as later } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import pg from "pg";
import { randomFrom } from "../../../src/testing/random.js";
import { readLedger } from "../crash/ledger.js";
import { makeSite } from "../crash/site.js";
import { type Ended, WorkerProcess } from "../crash/worker-process.js";
import { BATCH, type RedoPlan } from "./redo-plan.js";
import { lossesIn, prepare, withoutThumbnail } from "./redo-store.js";

export interface RedoReport {
  kills: number;
  uploads: number;
  describes: number;
  /** Calls that were made again: they were in flight at a kill, or when a worker was told to end. */
  again: number;
  /** How often the gallery was looked at. */
  looks: number;
  problems: string[];
}

const UPLOADS = 24;
const CONCURRENCY = 2;
/** Long enough for a busy machine to renew it in time. */
const LEASE_MS = 3000;
const LONGEST_LIFE_MS = 1000;
const WORKER = fileURLToPath(new URL("redo-worker.ts", import.meta.url));

/**
 * One history on PostgreSQL: two workers do a batch again with a new model, and are killed, told to end, and cancelled, while
 * uploads are deleted; then an even newer model may be deployed, and another worker is killed.
 */
export async function redo(url: string, schema: string, seed: number): Promise<RedoReport> {
  const random = randomFrom(`redo ${seed}`);
  const site = makeSite();
  const pool = new pg.Pool({ connectionString: url, max: 4 });
  const report: RedoReport = { kills: 0, uploads: UPLOADS, describes: 0, again: 0, looks: 0, problems: [] };
  const first: RedoPlan = {
    url,
    schema,
    objects: site.objects,
    ledger: site.ledger,
    version: "v2",
    concurrency: CONCURRENCY,
    leaseMs: LEASE_MS,
  };
  mkdirSync(join(site.objects, "thumbnails"), { recursive: true });
  const repository = await prepare(pool, first, UPLOADS);
  const last = random() < 0.3 ? { ...first, version: "v3" } : first;
  const kills = 1 + Math.floor(random() * 3);
  const interrupted = new Set<number>();
  /** Whoever is at work then lets go, and breaks its calls off. */
  let isCancelled = false;

  /** One worker after the other in one place, until one comes to its end. */
  const lives = async (plan: RedoPlan, fates: ("kill" | "end" | "cancel" | "delete")[]): Promise<void> => {
    const worker = new WorkerProcess(plan, {}, WORKER);
    await worker.working;
    let ended: Ended | undefined;
    for (let fate = fates.shift(); fate !== undefined; fate = fates.shift()) {
      ended = await Promise.race([worker.ended, later(random() * LONGEST_LIFE_MS).then(() => undefined)]);
      if (ended !== undefined) break;
      if (fate === "delete") {
        const deleted = await repository.deleteUpload(`u${Math.floor(random() * UPLOADS)}`);
        if (deleted !== null) report.uploads--;
      } else if (fate === "cancel") {
        isCancelled = true;
        await repository.updateBatch(BATCH, { status: "cancelled" }, ["processing"]);
      } else {
        interrupted.add(worker.pid);
        worker.signal(fate === "kill" ? "SIGKILL" : "SIGTERM");
        if (fate === "kill") report.kills++;
        await worker.ended;
        return lives(plan, fates);
      }
    }
    ended ??= await worker.ended;
    if (ended.exitCode !== 0 || !ended.lastLine.includes("ended"))
      report.problems.push(`a worker ended with ${ended.exitCode}: ${ended.lastLine}${ended.stderr}`);
  };

  const looking = new AbortController();
  const looks = (async () => {
    while (!looking.signal.aborted) {
      for (const id of await withoutThumbnail(pool, first)) report.problems.push(`${id} has lost its thumbnail`);
      report.looks++;
      await later(30);
    }
  })();
  const more = (["end", "cancel", "delete", "delete"] as const).filter(() => random() < 0.4);
  const fates = [...Array<"kill">(kills).fill("kill"), ...more].sort(() => random() - 0.5);
  await Promise.all([lives(first, fates.slice(0, 3)), lives(first, fates.slice(3))]);
  // Not before the last worker with the older model has ended: it would do again what the newer one has done.
  await Promise.all([lives(last, ["kill"]), lives(last, [])]);
  looking.abort();
  await looks;

  await judge();
  await pool.query(`drop schema ${schema} cascade`);
  await pool.end();
  if (report.problems.length === 0) site.remove();
  else report.problems.push(`everything is kept in ${site.folder}`);
  return report;

  async function judge(): Promise<void> {
    const calls = readLedger(site.ledger);
    report.problems.push(...calls.problems, ...(await lossesIn(pool, schema)));
    report.describes = calls.describes;
    report.again = calls.extraDescribes;
    for (const [pid, lost] of calls.unacknowledged) {
      const isInterrupted = isCancelled || interrupted.has(pid);
      if (lost > (isInterrupted ? CONCURRENCY : 0) && report.uploads === UPLOADS)
        report.problems.push(`a worker lost ${lost} descriptions`);
    }
    const uploads = await repository.listUploads({ all: true }, { limit: UPLOADS });
    for (const { id, status, draft, aiVersion, starts, errorCode } of uploads) {
      if (status === "completed" && !draft && aiVersion === last.version && !starts && !errorCode) continue;
      report.problems.push(`${id} is left as ${JSON.stringify({ status, draft, aiVersion, starts, errorCode })}`);
    }
    if (uploads.length !== report.uploads) report.problems.push(`${uploads.length} of ${report.uploads} are left`);
    const batch = await repository.findBatch(BATCH);
    if (batch?.status !== "completed") report.problems.push(`the batch is ${batch?.status}`);
  }
}
