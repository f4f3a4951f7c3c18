import { bullmq } from "./bullmq.js";
import { pgBoss } from "./pg-boss.js";
import type { Engine } from "./plan.js";

const engines: Readonly<Record<string, Engine>> = { bullmq, "pg-boss": pgBoss };

export function engineOf(name: string): Engine {
  const engine = engines[name];
  if (engine === undefined) throw new Error(`${name}: expected one of ${Object.keys(engines).join(", ")}`);
  return engine;
}
