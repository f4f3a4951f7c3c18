import { NUMBERS, UsageSum } from "./ledger.js";

/**
 * What one call of many used up, shared over them by their weights. The shares add up to the whole: whole numbers are shared in
 * whole numbers, so of one request one of them has 1 and the others 0.
 */
export function sharesOf(whole: UsageSum, weights: readonly number[]): readonly UsageSum[] {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  let before = 0;
  return weights.map((weight) => {
    const share = new UsageSum();
    const after = before + weight;
    for (const key of NUMBERS) {
      const value = whole[key];
      if (value !== undefined) share[key] = portion(value, after / total) - portion(value, before / total);
    }
    share.model = whole.model;
    before = after;
    return share;
  });
}

/** The part of a number up to a fraction of it. */
function portion(value: number, fraction: number): number {
  return Number.isInteger(value) ? Math.round(value * fraction) : value * fraction;
}
