import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as later } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import pg from "pg";
import { postgresRepository } from "../../../src/adapters/postgres.js";
import { randomFrom } from "../../../src/testing/random.js";
import { nextOutput, startChild } from "../../support/child.js";
import { WorkerProcess } from "../crash/worker-process.js";
import { readBook } from "./book.js";
import { BATCH, type InvoicePlan, type Line, TABLES } from "./plan.js";

export interface InvoiceOptions {
  /** Of a PostgreSQL server. */
  readonly url: string;
  readonly kills: number;
  readonly seed: number;
  readonly onKill?: (kills: number) => void;
}

export interface InvoiceReport {
  kills: number;
  batches: number;
  calls: number;
  /** In cents. */
  bill: number;
  ledger: number;
  /** The calls that were in flight at a kill: with `cutOff` all that the bill has more than the ledgers. */
  inFlight: Line[];
  /** The calls of starved workers whose lease ran out. */
  cutOff: Line[];
  problems: string[];
}

const UPLOADS = 200;
const WORKERS = 3;
const CONCURRENCY = 4;
/** Long enough for something to be done between two kills, also on a busy machine. */
const LONGEST_LIFE_MS = 1500;
const WORKER = fileURLToPath(new URL("worker.ts", import.meta.url));
const SERVICE = fileURLToPath(new URL("service.ts", import.meta.url));

/** Lets workers spend money at a service that bills every call, kills them, and compares its bill with their ledgers. */
export async function invoice({ url, kills, seed, onKill }: InvoiceOptions): Promise<InvoiceReport> {
  const random = randomFrom(`invoice ${seed}`);
  const pool = new pg.Pool({ connectionString: url });
  const report: InvoiceReport = {
    kills: 0,
    batches: 0,
    calls: 0,
    bill: 0,
    ledger: 0,
    inFlight: [],
    cutOff: [],
    problems: [],
  };
  let begun = 0;
  while (begun < kills && report.problems.length === 0) await round();
  await pool.end();
  return report;

  async function round(): Promise<void> {
    report.batches++;
    const folder = mkdtempSync(join(tmpdir(), "invoice-"));
    const book = join(folder, "book");
    writeFileSync(book, "");
    const service = startChild(SERVICE, [book]);
    await prepare(pool);
    const plan = { url, service: await nextOutput(service), book, concurrency: CONCURRENCY, leaseMs: 3000 };
    const killed = new Set<number>();
    const costs = new Map<number, number>();
    await Promise.all(Array.from({ length: WORKERS }, () => lives(plan, killed, costs)));
    service.kill();

    const { inFlight, cutOff, byWorker, problems, ...sums } = readBook(book);
    report.cutOff.push(...cutOff);
    report.problems.push(...problems);
    for (const [pid, lines] of inFlight) {
      report.inFlight.push(...lines);
      if (lines.length > (killed.has(pid) ? CONCURRENCY : 0))
        report.problems.push(`${lines.length} calls of one worker are billed and not booked: ${JSON.stringify(lines)}`);
    }
    const missing = [...inFlight.values(), cutOff].flat().reduce((sum, { cost }) => sum + cost, 0);
    if (sums.bill - sums.ledger !== missing)
      report.problems.push(
        `the bill is ${sums.bill}, the ledger ${sums.ledger}, and ${missing} were in flight or cut off`,
      );
    // Of a worker that came to its end the sum is told by the runtime itself.
    for (const [pid, cost] of costs)
      if (cost !== (byWorker.get(pid) ?? 0))
        report.problems.push(`a runtime told of ${cost}, booked ${byWorker.get(pid)}`);
    report.calls += sums.calls;
    report.bill += sums.bill;
    report.ledger += sums.ledger;
    if (report.problems.length === 0) rmSync(folder, { recursive: true });
    else report.problems.push(`the book is kept in ${folder}`);
  }

  /** One worker after the other in one place, until one comes to its end. */
  async function lives(plan: InvoicePlan, killed: Set<number>, costs: Map<number, number>): Promise<void> {
    for (;;) {
      const worker = new WorkerProcess(plan, {}, WORKER);
      const isKilled = begun < kills;
      if (isKilled) begun++;
      await worker.working;
      if (isKilled) {
        const ended = await Promise.race([worker.ended, later(random() * LONGEST_LIFE_MS).then(() => undefined)]);
        if (ended === undefined) {
          killed.add(worker.pid);
          worker.signal("SIGKILL");
          report.kills++;
          onKill?.(report.kills);
        } else begun--;
      }
      const { signal, exitCode, lastLine, stderr } = await worker.ended;
      if (signal === "SIGKILL") continue;
      if (exitCode !== 0 || !lastLine.includes('"completed"'))
        report.problems.push(`a worker ended with ${exitCode} ${signal}: ${lastLine}${stderr}`);
      else costs.set(worker.pid, (JSON.parse(lastLine) as { cost: number }).cost);
      return;
    }
  }
}

async function prepare(pool: pg.Pool): Promise<void> {
  const repository = postgresRepository(pool, { tables: TABLES, vector: "array" });
  await pool.query("drop schema if exists invoice cascade");
  await pool.query("create schema invoice");
  await repository.migrate();
  await repository.addBatch({ id: BATCH });
  await repository.addUploads(
    Array.from({ length: UPLOADS }, (_, n) => ({ id: `u${n}`, storageKey: `originals/${n}`, batchId: BATCH })),
  );
}
