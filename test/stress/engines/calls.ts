import { readFileSync } from "node:fs";
import type { Entry } from "./plan.js";

/** What the ledger tells of the calls of the model. */
export interface Calls {
  readonly describes: number;
  /** How many calls of each process came to nothing: what they made was not acknowledged to it. By its pid. */
  readonly lost: ReadonlyMap<number, number>;
  /** Uploads whose description was stored more than once. */
  readonly storedAgain: readonly string[];
  /** How often a worker was told that the batch has been completed. */
  readonly batchSettled: number;
}

export function readCalls(ledger: string): Calls {
  const lost = new Map<number, number>();
  const stored = new Set<string>();
  const storedAgain: string[] = [];
  let [describes, batchSettled] = [0, 0];
  for (const line of readFileSync(ledger, "utf8").trimEnd().split("\n")) {
    const { event, id, pid } = JSON.parse(line) as Entry;
    if (event === "batch settled") {
      batchSettled++;
      continue;
    }
    lost.set(pid, (lost.get(pid) ?? 0) + (event === "begun" ? 1 : -1));
    if (event === "begun") describes++;
    else if (stored.has(id)) storedAgain.push(id);
    else stored.add(id);
  }
  return { describes, lost, storedAgain, batchSettled };
}
