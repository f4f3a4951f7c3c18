import { measureInChild } from "./child.js";
import type { Benchmark } from "./report.js";
import { median, noise } from "./rounds.js";

const FEW = 10_000;
const MIB = 1024 * 1024;

/** Whether the memory depends on how many uploads there are: the peak of the resident set, in a process of its own each. */
export const memory: Benchmark = async ({ quick }) => {
  const many = quick ? 200_000 : 1_000_000;
  const few = [await peakOf(FEW), await peakOf(FEW), await peakOf(FEW)];
  const peak = await peakOf(many);
  return [
    {
      name: `peak memory of ${many.toLocaleString("en")} uploads, to ${FEW.toLocaleString("en")}`,
      library: inMiB(peak),
      bare: inMiB(median(few)),
      measured: { value: (peak - median(few)) / MIB, noise: noise(few) / MIB },
      ...{ unit: " MiB", target: { atMost: 32 } },
    },
  ];
};

/** In bytes. */
function peakOf(uploads: number): Promise<number> {
  return measureInChild("memory-child.ts", String(uploads));
}

function inMiB(bytes: number): string {
  return `${Math.round(bytes / MIB)} MiB`;
}
