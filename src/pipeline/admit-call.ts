import type { Stoppable } from "../async/cancellation.js";
import type { UploadRecord } from "../contracts/upload.js";
import type { UploadError } from "../errors.js";
import type { Ticket } from "../runtime/breaker.js";
import type { UploadRun } from "./run.js";
import type { ServiceCall } from "./service-call.js";
import type { Settings } from "./settings.js";

/** A call that may be made now. */
export interface AdmittedCall {
  readonly ticket: Ticket;
  /** Tells the budgets what it has cost; `undefined` where there are none. */
  readonly leave: ((cost: number) => void) | undefined;
}

/**
 * Whether a call of a service may be made: the breaker lets it through, the budget has room, the claim is certain.
 *
 * @returns at once where nothing has to be waited for, which is almost always
 * @throws UploadError `CIRCUIT_OPEN`, `BUDGET_EXHAUSTED`
 */
export function admitCall<U extends UploadRecord>(
  run: UploadRun<U>,
  service: ServiceCall,
): AdmittedCall | Promise<AdmittedCall> {
  const { settings, claim, signal } = run;
  const { breaker, kind } = service;
  const isModel = kind === "model";
  const asking = isModel ? settings.run?.ready(signal) : undefined;
  const isFree = !isModel || (!isBudgeted(settings) && unpricedOf(run) === undefined);
  if (asking !== undefined || !isFree || (kind !== "storage" && claim.isDoubtful))
    return admitLater(run, service, asking);
  const entering = breaker.enter(run.id, signal, settings.comesBack);
  if (!(entering instanceof Promise)) return { ticket: entering, leave: undefined };
  return admitLater(run, service, undefined, entering);
}

/** @param first the breaker was asked before */
async function admitLater<U extends UploadRecord>(
  run: UploadRun<U>,
  { breaker, kind }: ServiceCall,
  asking: Promise<void> | undefined,
  first?: Promise<Ticket>,
): Promise<AdmittedCall> {
  const { settings, claim, signal } = run;
  const isModel = kind === "model";
  if (asking !== undefined) await asking;
  for (let entered = first, isAgain = false; ; entered = undefined, isAgain = true) {
    // Before anything that is shared is taken: a repository that cannot be reached would hold it.
    const confirming = entered !== undefined || kind === "storage" ? undefined : claim.confirm();
    if (confirming !== undefined) await confirming;
    const entering = entered ?? breaker.enter(run.id, signal, settings.comesBack);
    const ticket = entering instanceof Promise ? await entering : entering;
    let leave: AdmittedCall["leave"];
    try {
      const reserving = isModel ? reserve(settings, signal) : undefined;
      leave = reserving instanceof Promise ? await reserving : reserving;
      // Who waited for a call that turned out to have no price is not let in by that.
      const unpriced = isModel ? unpricedOf(run) : undefined;
      if (unpriced !== undefined) throw unpriced;
      const hasWaited = entering instanceof Promise || reserving instanceof Promise;
      if (!hasWaited || isAgain || kind === "storage" || !claim.isDoubtful) return { ticket, leave };
    } catch (error) {
      leave?.(0);
      breaker.released(ticket);
      throw error;
    }
    leave?.(0);
    breaker.released(ticket);
  }
}

/** Set once a call of this upload, or of its run, had no price although there is a budget. */
function unpricedOf<U extends UploadRecord>(run: UploadRun<U>): UploadError | undefined {
  run.unpriced ??= run.settings.run?.unpriced;
  return run.unpriced;
}

/** Room in the budgets that there are, for one call; `undefined` where there are none. */
export function reserve<U extends UploadRecord>(
  { runtime, run: context }: Pick<Settings<U>, "runtime" | "run">,
  signal: Stoppable,
): ((cost: number) => void) | undefined | Promise<(cost: number) => void> {
  if (!isBudgeted({ runtime, run: context })) return undefined;
  const budgets = [runtime.budget, context?.budget].filter((budget) => budget !== undefined);
  const leave = (cost: number) => {
    for (const budget of budgets) budget.leave(cost);
  };
  const enter = async () => {
    for (const [index, budget] of budgets.entries()) {
      try {
        await budget.enter(signal);
      } catch (error) {
        for (const entered of budgets.slice(0, index)) entered.leave(0);
        throw error;
      }
    }
    return leave;
  };
  return enter();
}

function isBudgeted<U extends UploadRecord>({ runtime, run }: Pick<Settings<U>, "runtime" | "run">): boolean {
  return runtime.budget !== undefined || run?.budget !== undefined;
}
