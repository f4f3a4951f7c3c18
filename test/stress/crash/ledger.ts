import { readFileSync } from "node:fs";
import type { Entry } from "./plan.js";

/** What the ledger tells of the calls of the model. */
export interface Calls {
  readonly describes: number;
  /** Calls of describe that were not the first of their upload. */
  readonly extraDescribes: number;
  /**
   * How many uploads each process had begun to describe without an acknowledged checkpoint, by its pid; without those that a
   * machine took from it that let it wait for as long as a lease lasts.
   */
  readonly unacknowledged: ReadonlyMap<number, number>;
  /** Calls that a worker made for another's finished work, when it was continued right before them. */
  readonly callsAfterStop: number;
  readonly problems: readonly string[];
}

/**
 * Reads what the workers began, and holds it against what was acknowledged to them.
 *
 * @param stops how often each process was stopped, by its pid: nothing can keep one from making the very call that it was
 *   stopped before, once for each stop
 */
export function readLedger(path: string, stops: ReadonlyMap<number, number> = new Map()): Calls {
  const entries = readFileSync(path, "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Entry);
  const problems: string[] = [];
  const afterStop = new Map<number, number>();
  const acknowledged = new Set<string>();
  const described = new Set<string>();
  const open = new Map<number, Set<string>>();
  let describes = 0;
  for (const { event, stage, id, pid } of entries) {
    const name = `${stage} ${id}`;
    if (event === "begun" && acknowledged.has(name)) {
      const made = (afterStop.get(pid) ?? 0) + 1;
      if (made > (stops.get(pid) ?? 0)) problems.push(`${name} again, though its checkpoint was acknowledged`);
      else afterStop.set(pid, made);
    }
    if (event === "acknowledged") acknowledged.add(name);
    if (stage === "embed") continue;
    const inWork = open.get(pid) ?? new Set();
    open.set(pid, inWork);
    if (event !== "begun") inWork.delete(id);
    else {
      describes++;
      described.add(id);
      inWork.add(id);
    }
  }
  const unacknowledged = new Map([...open].map(([pid, { size }]) => [pid, size]));
  const callsAfterStop = [...afterStop.values()].reduce((sum, made) => sum + made, 0);
  return { describes, extraDescribes: describes - described.size, unacknowledged, callsAfterStop, problems };
}
