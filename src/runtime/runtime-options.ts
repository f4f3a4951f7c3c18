import { availableParallelism } from "node:os";
import type { Limit, RuntimeOptions } from "../contracts/runtime.js";
import { count, number, requireKnown, requireMembers, timeout } from "../validate.js";
import type { BreakerSettings } from "./breaker.js";
import { Budget } from "./budget.js";

export const UNLIMITED = Number.POSITIVE_INFINITY;

/** Uploads whose last claim got no answer, or that failed and wait to be done again. */
export const MOST_REMEMBERED = 10_000;

/** The thread pool keeps a free thread for file and DNS work. */
export function defaultDecoders(): number {
  return Math.max(1, Math.min(availableParallelism(), threadPoolSize() - 1));
}

function threadPoolSize(): number {
  const size = Number.parseInt(process.env.UV_THREADPOOL_SIZE ?? "", 10);
  return size > 0 ? size : 4;
}

/** @throws ConfigurationError a limit that is unknown or out of range */
export function readLimits(limits: NonNullable<RuntimeOptions["limits"]>): Readonly<Record<string, Limit | undefined>> {
  requireMembers("limits", limits, []);
  requireKnown("limits", limits, ["decode", "describe", "embed"]);
  for (const [stage, limit] of Object.entries(limits)) {
    const name = `limits.${stage}`;
    if (typeof limit !== "object" || limit === null) slots(name, limit);
    else {
      requireKnown(name, limit, ["concurrency", "perMinute"]);
      slots(`${name}.concurrency`, limit.concurrency);
      slots(`${name}.perMinute`, limit.perMinute);
    }
  }
  return { ...limits };
}

/** A limit that is `null` is absent, as in limits that were read from JSON. */
function slots(name: string, given: number | null | undefined): void {
  if (given !== UNLIMITED) count(name, given ?? undefined, 1);
}

/** @throws ConfigurationError an option that is unknown or out of range */
export function readBreaker(breaker: Exclude<NonNullable<RuntimeOptions["breaker"]>, false>): BreakerSettings {
  requireMembers("breaker", breaker, []);
  requireKnown("breaker", breaker, ["threshold", "cooldownMs", "giveUpAfterMs"]);
  const { giveUpAfterMs = UNLIMITED } = breaker;
  return {
    threshold: count("breaker.threshold", breaker.threshold, 5),
    cooldownMs: timeout("breaker.cooldownMs", breaker.cooldownMs, 30_000),
    giveUpAfterMs: giveUpAfterMs === UNLIMITED ? UNLIMITED : number("breaker.giveUpAfterMs", giveUpAfterMs, 0, 0),
  };
}

/** @throws ConfigurationError an option that is unknown or out of range */
export function readBudget(budget: NonNullable<RuntimeOptions["budget"]>): Budget {
  requireMembers("budget", budget, []);
  requireKnown("budget", budget, ["limit", "spent"]);
  return new Budget(number("budget.limit", budget.limit, Number.NaN, 0), number("budget.spent", budget.spent, 0, 0));
}
