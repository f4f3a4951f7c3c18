import { readFileSync } from "node:fs";
import type { Entry } from "./plan.js";

/** What the ledger tells of the calls of the model. */
export interface Calls {
  readonly describes: number;
  /** What each process had begun without an acknowledged checkpoint, by its pid. */
  readonly unacknowledged: ReadonlyMap<number, number>;
}

export function readCalls(ledger: string): Calls {
  const open = new Map<number, Set<string>>();
  let describes = 0;
  for (const line of readFileSync(ledger, "utf8").trimEnd().split("\n")) {
    const { event, id, pid } = JSON.parse(line) as Entry;
    const ofProcess = open.get(pid) ?? new Set();
    open.set(pid, ofProcess);
    if (event === "acknowledged") ofProcess.delete(id);
    else {
      describes++;
      ofProcess.add(id);
    }
  }
  return { describes, unacknowledged: new Map([...open].map(([pid, { size }]) => [pid, size])) };
}
