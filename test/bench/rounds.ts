/** Milliseconds that one thing took, by round. */
export type Times = readonly number[];

/** A figure with the width of its noise. */
export interface Measured {
  readonly value: number;
  /** Half of the range in which the middle half of the rounds lies. */
  readonly noise: number;
}

/**
 * Times several things in turn, A B C A B C: what else the machine does meanwhile, and how it warms up, meets them alike.
 * The garbage of one is collected before the next begins.
 */
export async function interleave<Name extends string>(
  { rounds, warmUps }: { readonly rounds: number; readonly warmUps: number },
  things: Readonly<Record<Name, () => Promise<unknown>>>,
): Promise<Record<Name, Times>> {
  const names = Object.keys(things) as Name[];
  const times = Object.fromEntries(names.map((name) => [name, []])) as unknown as Record<Name, number[]>;
  for (let round = -warmUps; round < rounds; round++) {
    for (const name of names) {
      globalThis.gc?.();
      const begunAt = performance.now();
      await things[name]();
      if (round >= 0) times[name].push(performance.now() - begunAt);
    }
  }
  return times;
}

/** The median of the ratios of each round. */
export function ratio(numerators: Times, denominators: Times): Measured {
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
