import type { Memory, Sample } from "./watch.js";

const MIB = 2 ** 20;

/**
 * How much memory may grow, in bytes for 10,000 uploads. Live heap: 52 bytes an upload, less than one id in one `Set` takes
 * (60); over 100,000 uploads it is known to 30 bytes an upload, so that whatever is kept of each is found out but for the
 * very smallest. External memory: the thumbnail of every 50th. Resident memory holds what the allocators keep besides, which
 * fluctuates; it may grow by less than 1 kB an upload.
 */
const BOUNDS = { heap: 0.5 * MIB, external: 1 * MIB, resident: 8 * MIB } as const;

export interface Flatness {
  readonly name: keyof Memory;
  readonly samples: number;
  /** Of the second and of the last quarter of the uploads, in bytes. */
  readonly medians: readonly [second: number, last: number];
  /** By least squares over all but the first quarter, in bytes for 10,000 uploads, and twice its standard error. */
  readonly slope: number;
  readonly uncertainty: number;
  readonly bound: number;
  /** `undefined`: the bound lies within the uncertainty, so there are too few samples to tell. */
  readonly flat: boolean | undefined;
}

/** Whether memory stays the same once the process has warmed up, for which the first quarter of the uploads is left out. */
export function flatnessOf(memory: Memory, uploads: number): readonly Flatness[] {
  return (["heap", "external", "resident"] as const).map((name) => {
    const later = memory[name].filter((sample) => sample.uploads >= uploads / 4);
    const medianOf = (from: number, to: number) =>
      median(later.filter((sample) => sample.uploads >= from * uploads && sample.uploads <= to * uploads));
    const { slope, uncertainty } = slopeOf(later);
    const bound = BOUNDS[name];
    const flat = slope + uncertainty <= bound ? true : slope - uncertainty > bound ? false : undefined;
    return {
      name,
      samples: later.length,
      medians: [medianOf(0.25, 0.5), medianOf(0.75, 1)],
      slope,
      uncertainty,
      bound,
      flat,
    };
  });
}

function median(samples: readonly Sample[]): number {
  const sorted = samples.map(({ bytes }) => bytes).sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

/** Of the straight line that fits best. */
function slopeOf(samples: readonly Sample[]): { readonly slope: number; readonly uncertainty: number } {
  const sum = (of: (sample: Sample) => number) => samples.reduce((total, sample) => total + of(sample), 0);
  const middle = sum(({ uploads }) => uploads) / samples.length;
  const level = sum(({ bytes }) => bytes) / samples.length;
  const spread = sum(({ uploads }) => (uploads - middle) ** 2);
  const slope = sum(({ uploads, bytes }) => (uploads - middle) * (bytes - level)) / spread;
  const rest = sum(({ uploads, bytes }) => (bytes - level - slope * (uploads - middle)) ** 2);
  const standardError = Math.sqrt(rest / (samples.length - 2) / spread);
  return { slope: slope * 10_000, uncertainty: 2 * standardError * 10_000 };
}
