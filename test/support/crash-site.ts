import { expect, onTestFinished } from "vitest";
import type { WorkerPlan } from "../stress/crash/plan.js";
import { makeSite, type Site, storageKeysOf } from "../stress/crash/site.js";
import { prepare, type Store } from "../stress/crash/store.js";
import { judge, type Verdict } from "../stress/crash/verdict.js";
import type { Ended } from "../stress/crash/worker-process.js";

export const UPLOADS = 40;

/** A batch of photographs for workers that are processes, until the test is over. */
export async function siteWith(store: (site: Site) => Store): Promise<{ site: Site; plan: WorkerPlan }> {
  const site = makeSite();
  onTestFinished(site.remove);
  const plan: WorkerPlan = {
    ...{ store: store(site), objects: site.objects, ledger: site.ledger },
    ...{ concurrency: 2, leaseMs: 10_000, describeMs: 25, graceMs: 5000 },
  };
  await prepare(plan.store, storageKeysOf(UPLOADS));
  return { site, plan };
}

export function verdictOn({ store, objects, ledger }: WorkerPlan): Promise<Verdict> {
  return judge(store, objects, ledger, UPLOADS);
}

/** What a worker printed at its end, which has to have been a good one. */
export function resultOf({ exitCode, lastLine, stderr }: Ended): { status: string; error?: { message: string } } {
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
  return JSON.parse(lastLine);
}
