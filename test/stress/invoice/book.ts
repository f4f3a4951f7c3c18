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
      case "acknowledged":
        acknowledged.add(name);
    }
  }
  const inFlight = byPid(open.values());
  return { calls, bill, ledger, inFlight, byWorker, problems };
}

function byPid(lines: Iterable<Line>): ReadonlyMap<number, readonly Line[]> {
  const groups = new Map<number, Line[]>();
  for (const line of lines) groups.set(line.pid, [...(groups.get(line.pid) ?? []), line]);
  return groups;
}
