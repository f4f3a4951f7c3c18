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
  { breaker, kind }: ServiceCall,
): AdmittedCall | Promise<AdmittedCall> {
  const { settings, claim, signal } = run;
  const isModel = kind === "model";
  const hasClaim = kind !== "storage";
  const asking = isModel ? settings.run?.ready(signal) : undefined;
  const isFree = !isModel || (!isBudgeted(settings) && unpricedOf(run) === undefined);
  const isReady = asking === undefined && isFree && !(hasClaim && claim.isDoubtful);
  const entering = isReady ? breaker.enter(run.id, signal, settings.comesBack) : undefined;
  if (entering !== undefined && !(entering instanceof Promise)) return { ticket: entering, leave: undefined };
  const admission: Admission = {
    enter: () => breaker.enter(run.id, signal, settings.comesBack),
    release: (ticket) => breaker.released(ticket),
    reserve: () => (isModel ? reserve(settings, signal) : undefined),
    confirm: () => (hasClaim ? claim.confirm() : undefined),
    isDoubtful: () => hasClaim && claim.isDoubtful,
    refusal: () => (isModel ? unpricedOf(run) : undefined),
  };
  return asking === undefined ? admit(admission, entering) : asking.then(() => admit(admission));
}

/** What a call has to pass before it is made. */
export interface Admission {
  readonly enter: () => Ticket | Promise<Ticket>;
  readonly release: (ticket: Ticket) => void;
  readonly reserve: () => AdmittedCall["leave"] | Promise<AdmittedCall["leave"]>;
  /** Renews claims that may have run out. */
  readonly confirm: () => Promise<void> | undefined;
  readonly isDoubtful: () => boolean;
  /** Looked at when there is room: who waited for a call that turned out to have no price is not let in by that. */
  readonly refusal: () => UploadError | undefined;
}

/**
 * Waits until a call may be made. All take the breaker first and the budget behind it, or two would wait for each other; and claims
 * are confirmed with neither in hand, because a repository that cannot be reached would keep both from others.
 *
 * @param first the breaker was asked already
 */
export async function admit(admission: Admission, first?: Promise<Ticket>): Promise<AdmittedCall> {
  const { enter, release, reserve, confirm, isDoubtful, refusal } = admission;
  for (let entered = first, isAgain = false; ; entered = undefined, isAgain = true) {
    if (entered === undefined) await confirm();
    const entering = entered ?? enter();
    const ticket = entering instanceof Promise ? await entering : entering;
    let leave: AdmittedCall["leave"];
    try {
      const reserving = reserve();
      leave = reserving instanceof Promise ? await reserving : reserving;
      const refused = refusal();
      if (refused !== undefined) throw refused;
      const hasWaited = entering instanceof Promise || reserving instanceof Promise;
      if (isAgain || !hasWaited || !isDoubtful()) return { ticket, leave };
    } catch (error) {
      leave?.(0);
      release(ticket);
      throw error;
    }
    leave?.(0);
    release(ticket);
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
