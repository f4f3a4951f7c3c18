import { setTimeout as later } from "node:timers/promises";
import { randomFrom } from "../../../src/testing/random.js";
import type { WorkerPlan } from "./plan.js";
import { makeSite, pgliteIn, storageKeysOf } from "./site.js";
import { prepare, type Store } from "./store.js";
import { judge } from "./verdict.js";
import { type Ended, WorkerProcess } from "./worker-process.js";

export interface CrashOptions {
  /** `"pglite"` in a folder of its own for each batch. */
  readonly store: "pglite" | Store;
  /** How many work at once. */
  readonly workers: number;
  /** Uploads of each that are in work at once. With 1, a kill costs at most one description. */
  readonly concurrency: number;
  /** How many workers are killed with SIGKILL. */
  readonly kills: number;
  /** How many are stopped with SIGSTOP until their lease has run out, and then continued. */
  readonly stops: number;
  /** In a batch; when one is done before everybody was killed, there is another. */
  readonly uploads: number;
  readonly seed: number;
  readonly onKill?: (killed: number) => void;
}

export interface CrashReport {
  readonly kills: number;
  readonly stops: number;
  /** Kills after which a worker was back before the lease of the dead one had run out. */
  readonly restartsWithinLease: number;
  readonly batches: number;
  readonly uploads: number;
  readonly describes: number;
  readonly extraDescribes: number;
  /** Of these and of the embeddings: by a worker that was continued, for what another had finished meanwhile. */
  readonly callsAfterStop: number;
  /** What one kill, or one stop, cost at most. */
  readonly mostExtraOfOne: number;
  readonly temporaryFiles: number;
  readonly problems: readonly string[];
}

/** Long enough for a busy machine to renew it in time: whoever loses it has been stopped. */
const LEASE_MS = 3000;
const DESCRIBE_MS = 25;
const LONGEST_LIFE_MS = 1000;
/** Of all kills, how many come while the process is starting up. */
const WHILE_STARTING = 0.15;

/**
 * Lets workers process batches of photographs while they are killed and stopped at random moments, starts another in place of
 * each that dies, and judges what is left when all is done.
 */
export async function crash(options: CrashOptions): Promise<CrashReport> {
  const random = randomFrom(`crash ${options.seed}`);
  const total = {
    batches: 0,
    describes: 0,
    extraDescribes: 0,
    callsAfterStop: 0,
    mostExtraOfOne: 0,
    temporaryFiles: 0,
  };
  const done = { kills: 0, stops: 0, restartsWithinLease: 0 };
  const problems: string[] = [];
  let reserved = { kills: 0, stops: 0 };
  while (done.kills < options.kills || done.stops < options.stops) {
    reserved = { kills: done.kills, stops: done.stops };
    await round(`batch ${++total.batches}`);
    if (problems.length > 0) break;
  }
  return { ...done, ...total, uploads: total.batches * options.uploads, problems };

  async function round(name: string): Promise<void> {
    const site = makeSite();
    const { objects, ledger } = site;
    const store = options.store === "pglite" ? pgliteIn(site.folder) : options.store;
    await prepare(store, storageKeysOf(options.uploads));
    const { concurrency } = options;
    const plan = { store, objects, ledger, concurrency, leaseMs: LEASE_MS, describeMs: DESCRIBE_MS, graceMs: 5000 };
    const hits = new Map<number, number>();
    const stops = new Map<number, number>();
    await Promise.all(Array.from({ length: options.workers }, () => lives(plan, hits, stops)));

    const verdict = await judge(store, objects, ledger, options.uploads, stops);
    problems.push(...verdict.problems.map((problem) => `${name}: ${problem}`));
    for (const [pid, lost] of verdict.unacknowledged) {
      const hit = hits.get(pid) ?? 0;
      if (lost > hit * concurrency)
        problems.push(`${name}: ${lost} descriptions were lost by ${hit} kills of one worker`);
      if (hit > 0) total.mostExtraOfOne = Math.max(total.mostExtraOfOne, Math.ceil(lost / hit));
    }
    total.describes += verdict.describes;
    total.extraDescribes += verdict.extraDescribes;
    total.callsAfterStop += verdict.callsAfterStop;
    total.temporaryFiles += verdict.temporaryFiles;
    if (problems.length === 0) site.remove();
    else problems.push(`${name}: everything is kept in ${site.folder}`);
  }

  /** One worker after the other in one place, until one comes to its end. */
  async function lives(plan: WorkerPlan, hits: Map<number, number>, stops: Map<number, number>): Promise<void> {
    for (;;) {
      const worker = new WorkerProcess(plan);
      const count = (where: Map<number, number>) => where.set(worker.pid, (where.get(worker.pid) ?? 0) + 1);
      let ended: Ended | undefined;
      while (ended === undefined) {
        const fate = nextFate();
        if (fate === undefined) ended = await worker.ended;
        else {
          ended = await endedBefore(worker);
          if (ended !== undefined) reserved[fate]--;
          else if (fate === "kills") {
            count(hits);
            worker.signal("SIGKILL");
            ended = await worker.ended;
            done.kills++;
            options.onKill?.(done.kills);
          } else {
            count(hits);
            count(stops);
            worker.signal("SIGSTOP");
            await later(LEASE_MS * (1.2 + random()));
            worker.signal("SIGCONT");
            done.stops++;
          }
        }
      }
      if (ended.signal !== "SIGKILL") {
        if (ended.exitCode !== 0 || !ended.lastLine.includes('"completed"'))
          problems.push(`a worker ended with ${ended.exitCode}: ${ended.lastLine}${ended.stderr}`);
        return;
      }
      if (random() < 0.3) await later(random() * 1.5 * LEASE_MS);
      else done.restartsWithinLease++;
    }
  }

  /** What is still to be done to some worker. */
  function nextFate(): "kills" | "stops" | undefined {
    const left = (fate: "kills" | "stops") => options[fate] - reserved[fate];
    const all = left("kills") + left("stops");
    if (all === 0) return undefined;
    const fate = random() * all < left("kills") ? "kills" : "stops";
    reserved[fate]++;
    return fate;
  }

  /** Waits for a random moment; how the worker has ended, when that was before. */
  async function endedBefore(worker: WorkerProcess): Promise<Ended | undefined> {
    if (random() > WHILE_STARTING) await worker.working;
    const cut = new AbortController();
    const moment = later(random() * LONGEST_LIFE_MS, undefined, { signal: cut.signal }).catch(() => undefined);
    const ended = await Promise.race([worker.ended, moment]);
    cut.abort();
    return ended;
  }
}
