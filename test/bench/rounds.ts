/** A figure with the width of its noise. */
export interface Measured {
  readonly value: number;
  /** Half of the range in which the middle half of the rounds lies. */
  readonly noise: number;
}

/** Measures several things in turn, A B C A B C: what else the machine does meanwhile meets them alike. */
export async function interleave<Name extends string>(
  rounds: number,
  things: Readonly<Record<Name, () => Promise<number>>>,
): Promise<Record<Name, readonly number[]>> {
  const names = Object.keys(things) as Name[];
  const measured = Object.fromEntries(names.map((name) => [name, []])) as unknown as Record<Name, number[]>;
  for (let round = 0; round < rounds; round++) {
    for (const name of names) measured[name].push(await things[name]());
  }
  return measured;
}

/**
 * How long the work takes, in milliseconds. No garbage collection is forced before: that throws away what V8 has optimized,
 * which takes a third of its throughput from a library, and hardly anything from a short loop.
 */
export async function timeOf(work: () => Promise<unknown>): Promise<number> {
  const begunAt = performance.now();
  await work();
  return performance.now() - begunAt;
}

/** The median of the ratios of each round. */
export function ratio(numerators: readonly number[], denominators: readonly number[]): Measured {
  const ratios = numerators.map((numerator, round) => numerator / (denominators[round] ?? Number.NaN));
  return { value: median(ratios), noise: noise(ratios) };
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

export function noise(values: readonly number[]): number {
  return (quantile(values, 0.75) - quantile(values, 0.25)) / 2;
}

function quantile(values: readonly number[], fraction: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const place = fraction * (sorted.length - 1);
  const below = sorted[Math.floor(place)] ?? Number.NaN;
  const above = sorted[Math.ceil(place)] ?? Number.NaN;
  return below + (above - below) * (place % 1);
}
