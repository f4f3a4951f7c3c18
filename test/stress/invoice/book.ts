import { readFileSync } from "node:fs";
import type { Line } from "./plan.js";

export interface Accounts {
  /** Calls that the service has billed. */
  readonly calls: number;
  /** In cents. */
  readonly bill: number;
  readonly ledger: number;
  /** Calls that are billed and not booked, by the worker that made them. */
  readonly inFlight: ReadonlyMap<number, readonly Line[]>;
  /** Calls that were cut off, because the worker was starved for longer than its lease and somebody else took the upload. */
  readonly cutOff: readonly Line[];
  /** Booked by each worker, in cents. */
  readonly byWorker: ReadonlyMap<number, number>;
  readonly problems: readonly string[];
}

/** Holds the bill of the service against what the ledgers of the workers have booked. */
export function readBook(path: string): Accounts {
  const lines = readFileSync(path, "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Line);
  const problems: string[] = [];
  const open = new Map<string, Line>();
  const seen = new Set<string>();
  const acknowledged = new Set<string>();
  const byWorker = new Map<number, number>();
  const cut = new Map<string, Line>();
  const cutOff: Line[] = [];
  let [calls, bill, ledger] = [0, 0, 0];
  for (const line of lines) {
    const { event, call, stage, id, pid, cost } = line;
    const name = `${stage} ${id}`;
    switch (event) {
      case "billed":
        if (acknowledged.has(name)) problems.push(`${name} is billed again, though it is stored`);
        calls++;
        bill += cost;
        open.set(call, line);
        seen.add(call);
        break;
      case "booked": {
        const billed = open.get(call);
        if (billed === undefined) problems.push(`${name} is booked ${seen.has(call) ? "twice" : "without a bill"}`);
        else if (billed.cost !== cost || billed.pid !== pid || billed.id !== id)
          problems.push(`${name} is billed as ${JSON.stringify(billed)}, and booked as ${JSON.stringify(line)}`);
        open.delete(call);
        ledger += cost;
        byWorker.set(pid, (byWorker.get(pid) ?? 0) + cost);
        break;
      }
      case "cut": {
        const billed = [...open.values()].findLast(
          (each) => each.pid === pid && each.stage === stage && each.id === id,
        );
        if (billed === undefined) break; // it had not arrived at the service
        open.delete(billed.call);
        cut.set(`${pid} ${id}`, billed);
        break;
      }
      case "lost": {
        const billed = cut.get(`${pid} ${id}`);
        if (billed !== undefined) cutOff.push(billed);
        cut.delete(`${pid} ${id}`);
        break;
      }
      case "acknowledged":
        acknowledged.add(name);
    }
  }
  // Only who is killed before it tells may have been cut off by something else than its lease.
  for (const line of cut.values()) open.set(line.call, line);
  return { calls, bill, ledger, inFlight: byPid(open.values()), cutOff, byWorker, problems };
}

function byPid(lines: Iterable<Line>): ReadonlyMap<number, readonly Line[]> {
  const groups = new Map<number, Line[]>();
  for (const line of lines) groups.set(line.pid, [...(groups.get(line.pid) ?? []), line]);
  return groups;
}
