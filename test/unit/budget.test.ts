import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Cancellation } from "../../src/async/cancellation.js";
import { Interrupted, NEVER } from "../../src/async/time.js";
import { Budget } from "../../src/runtime/budget.js";

const settle = () => new Promise((resolve) => setImmediate(resolve));
const exhausted = expect.objectContaining({ code: "BUDGET_EXHAUSTED", retryable: false });

/** Whether a call is let in without a wait. */
function entersAtOnce(budget: Budget): boolean {
  return budget.enter(NEVER) === undefined;
}

/** A budget whose dearest call so far has cost so much. */
function budgetOf(limit: number, dearest: number): Budget {
  const budget = new Budget(limit, 0);
  void budget.enter(NEVER);
  budget.leave(dearest);
  return budget;
}

describe("a budget", () => {
  test("until a price is known, one call is made at a time", async () => {
    const budget = new Budget(100, 0);
    expect(entersAtOnce(budget)).toBe(true);
    let entered = 0;
    const waiting = [1, 2, 3].map(async () => {
      await budget.enter(NEVER);
      entered++;
    });
    await settle();
    expect(entered).toBe(0);
    budget.leave(0); // it cost nothing that is known
    await settle();
    expect(entered).toBe(1);
    budget.leave(5);
    await Promise.all(waiting);
    expect(budget.left).toBe(95);
  });

  test("calls under way are reserved at the dearest so far", async () => {
    const budget = budgetOf(10, 3);
    void budget.enter(NEVER);
    budget.leave(1);
    expect(budget.left).toBe(6);
    expect([entersAtOnce(budget), entersAtOnce(budget)]).toEqual([true, true]);
    let entered = false;
    const waiting = Promise.resolve(budget.enter(NEVER)).then(() => {
      entered = true;
    });
    await settle();
    expect(entered).toBe(false);
    budget.leave(1); // cheaper than it was reserved for: 5 left, 3 of them reserved, so another 3 do not fit
    await settle();
    expect(entered).toBe(false);
    budget.leave(1); // 4 left
    await waiting;
    expect(budget.left).toBe(4);
  });

  test("what fits to the last digit is spent", () => {
    const budget = budgetOf(0.3, 0.1);
    expect([entersAtOnce(budget), entersAtOnce(budget)]).toEqual([true, true]);
    budget.leave(0.1);
    budget.leave(0.1);
    expect(() => budget.enter(NEVER)).toThrow(exhausted);
  });

  test("the next call that would overrun it is refused, and so is any when nothing is left", () => {
    expect(() => budgetOf(10, 6).enter(NEVER)).toThrow(exhausted);
    expect(() => new Budget(10, 10).enter(NEVER)).toThrow(exhausted);
    expect(() => new Budget(0, 0).enter(NEVER)).toThrow(exhausted);
    expect(() => budgetOf(10, 6).enter(NEVER)).toThrow(
      "The budget of 10 is used up: 6 is spent, and the next call may cost 6",
    );
  });

  test("who waits is refused when the calls before it have used it up", async () => {
    const budget = budgetOf(10, 4);
    void budget.enter(NEVER);
    const waiting = budget.enter(NEVER);
    budget.leave(4);
    await expect(waiting).rejects.toEqual(exhausted);
  });

  test("more of it lets in who waits, and what was refused before", async () => {
    const budget = budgetOf(10, 4);
    void budget.enter(NEVER);
    const waiting = budget.enter(NEVER);
    budget.add(2);
    await waiting;
    budget.leave(4);
    budget.leave(4);
    expect(budget.left).toBe(0);
    expect(() => budget.enter(NEVER)).toThrow(exhausted);
    budget.add(4);
    expect(entersAtOnce(budget)).toBe(true);
  });

  test("an abort ends the wait, and reserves nothing", async () => {
    const budget = budgetOf(10, 4);
    void budget.enter(NEVER);
    const leaving = new Cancellation();
    const waiting = budget.enter(leaving);
    leaving.abort("reason");
    await expect(waiting).rejects.toThrow(Interrupted);
    budget.leave(0);
    expect(entersAtOnce(budget)).toBe(true);
  });

  test("is overrun by at most what each call under way costs above the dearest before it", async () => {
    const costs = fc.array(fc.integer({ min: 0, max: 50 }), { minLength: 1, maxLength: 40 });
    const atOnce = fc.integer({ min: 1, max: 8 });
    const limit = fc.integer({ min: 0, max: 300 });
    await fc.assert(
      fc.asyncProperty(costs, atOnce, limit, fc.scheduler(), async (prices, workers, most, scheduler) => {
        const budget = new Budget(most, 0);
        const queue = prices.slice();
        const underWay = new Set<{ readonly reserved: number; cost: number }>();
        let dearest = 0;
        /** What the calls cost above what they were reserved for, of those that ran at the last beginning. */
        let excess: { readonly reserved: number; cost: number }[] = [];
        let spent = 0;
        let refused = 0;
        const work = async () => {
          for (let cost = queue.shift(); cost !== undefined; cost = queue.shift()) {
            try {
              await budget.enter(NEVER);
            } catch (error) {
              expect(error).toEqual(exhausted);
              expect(spent >= most || spent + dearest > most).toBe(true);
              refused++;
              return;
            }
            const call = { reserved: dearest, cost };
            underWay.add(call);
            excess = [...underWay].map((each) => ({ reserved: dearest, cost: each.cost }));
            expect(dearest > 0 || underWay.size === 1).toBe(true);
            await scheduler.schedule(Promise.resolve());
            underWay.delete(call);
            spent += cost;
            dearest = Math.max(dearest, cost);
            budget.leave(cost);
          }
        };
        const working = Promise.all(Array.from({ length: workers }, work));
        await scheduler.waitFor(working);
        const bound = excess.reduce((sum, { cost, reserved }) => sum + Math.max(0, cost - reserved), 0);
        expect(spent - most).toBeLessThanOrEqual(bound);
        // One call at a time: the bound of one.
        if (workers === 1 && spent > most) expect(excess).toHaveLength(1);
        if (queue.length > 0) expect(refused).toBe(workers);
        expect(budget.left).toBe(most - spent);
      }),
      { numRuns: 300 },
    );
  });
});
