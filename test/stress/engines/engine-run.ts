import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as later } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { WorkerProcess } from "../crash/worker-process.js";
import { readCalls } from "./calls.js";
import { engineOf } from "./engines.js";
import { Listener } from "./listener.js";
import type { EnginePlan } from "./plan.js";
import { EngineStore } from "./store.js";

export interface EngineOptions {
  readonly engine: string;
  readonly redis: string;
  readonly postgres: string;
  readonly uploads: number;
}

export interface EngineReport {
  readonly uploads: number;
  readonly describes: number;
  /** Calls that came to nothing, because their worker was killed or frozen. */
  readonly inFlight: number;
  readonly seconds: number;
  readonly problems: readonly string[];
}

const WORKERS = 4;
const CONCURRENCY = 4;
const LEASE_MS = 3000;
const WORKER = fileURLToPath(new URL("worker.ts", import.meta.url));

/**
 * Four workers on one queue: when a quarter of the uploads is done, one is killed, one is told to end, and one is frozen until its
 * lock and its lease have run out and others have its jobs. The rest is done by the fourth, and by the one that was frozen.
 */
export async function stressEngine({ engine, redis, postgres, uploads }: EngineOptions): Promise<EngineReport> {
  const folder = mkdtempSync(join(tmpdir(), "engines-"));
  const ledger = join(folder, "ledger");
  writeFileSync(ledger, "");
  const name = `engines_${randomUUID().slice(0, 8)}`;
  const plan: EnginePlan = {
    ...{ engine, redis, postgres, name, ledger },
    ...{ concurrency: CONCURRENCY, leaseMs: LEASE_MS, describeMs: 150, graceMs: 10_000 },
  };
  const ids = Array.from({ length: uploads }, (_, index) => `u${index}`);
  const store = new EngineStore(plan);
  const problems: string[] = [];
  const workers: WorkerProcess[] = [];
  let listener: Listener | undefined;
  const startedAt = performance.now();
  try {
    await store.prepare(ids);
    listener = await Listener.start(plan);
    await engineOf(engine).enqueue(plan, ids);
    for (let count = 0; count < WORKERS; count++) workers.push(new WorkerProcess(plan, {}, WORKER));
    const [killed, ended, frozen] = workers as [WorkerProcess, WorkerProcess, WorkerProcess];
    await Promise.all(workers.map(({ working }) => working));
    while ((await store.state()).uploads < uploads / 4) await later(20);

    killed.signal("SIGKILL");
    frozen.signal("SIGSTOP");
    ended.signal("SIGTERM");
    const end = await ended.ended;
    if (end.exitCode !== 0) problems.push(`the worker that was told to end ended with ${end.exitCode}: ${end.stderr}`);
    await later(engineOf(engine).frozenMs ?? 2.5 * LEASE_MS);
    frozen.signal("SIGCONT");

    for (let state = await store.state(); !state.isBatchDone; state = await store.state()) await later(50);
    for (const worker of workers) worker.signal("SIGTERM");
    for (const worker of workers.slice(2)) {
      const { exitCode, stderr } = await worker.ended;
      if (exitCode !== 0 || stderr !== "") problems.push(`a worker ended with ${exitCode}: ${stderr}`);
    }

    problems.push(...(await store.problems(ids)));
    const jobs = await engineOf(engine).ended(plan);
    if (jobs.completed !== uploads || jobs.failed !== 0) problems.push(`the jobs ended as ${JSON.stringify(jobs)}`);
    const { describes, lost, storedAgain, batchSettled } = readCalls(ledger);
    if (batchSettled !== 1) problems.push(`onBatchSettled was called ${batchSettled} times`);
    // What a worker had to tell when it was killed is lost.
    problems.push(...(await listener.problems(ids, CONCURRENCY)));
    for (const id of storedAgain) problems.push(`${id} was described again, though that was stored`);
    // One that goes on may make the calls that it was frozen before.
    const most = new Map([
      [killed, CONCURRENCY],
      [frozen, 2 * CONCURRENCY],
    ]);
    for (const [index, worker] of workers.entries()) {
      const calls = lost.get(worker.pid) ?? 0;
      if (calls > (most.get(worker) ?? 0)) problems.push(`${calls} descriptions of worker ${index + 1} were lost`);
    }
    const inFlight = [...lost.values()].reduce((sum, calls) => sum + calls, 0);
    if (describes > uploads + inFlight) problems.push(`${describes} descriptions of ${uploads}, ${inFlight} in flight`);
    return { uploads, describes, inFlight, seconds: (performance.now() - startedAt) / 1000, problems };
  } finally {
    for (const worker of workers) worker.signal("SIGKILL");
    await listener?.close();
    await engineOf(engine).remove(plan);
    await store.remove();
    rmSync(folder, { recursive: true, force: true });
  }
}
