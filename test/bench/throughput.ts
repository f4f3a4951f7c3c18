import { measureInChild } from "./child.js";
import type { Benchmark } from "./report.js";
import { interleave, type Measured, median, noise, ratio } from "./rounds.js";

const UPLOADS = 20_000;

/**
 * What the library itself costs an upload, when nothing else takes any time. Each side has processes of its own, so that V8
 * optimizes it by what it does itself.
 */
export const throughput: Benchmark = async ({ quick }) => {
  const side = (name: string) => () => measureInChild("throughput-child.ts", name, String(UPLOADS));
  const times = await interleave(quick ? 3 : 7, {
    library: side("library"),
    bare: side("by-hand"),
    listened: side("library-listened"),
    stage: side("library-stage"),
  });
  return [
    {
      name: `throughput of ${UPLOADS.toLocaleString("en")} uploads`,
      library: perSecond(times.library),
      bare: perSecond(times.bare),
      ...{ measured: ratio(times.bare, times.library), unit: "×", target: { atLeast: 0.8 } },
    },
    {
      name: "  with listeners of the progress",
      library: perSecond(times.listened),
      bare: perSecond(times.bare),
      ...{ measured: ratio(times.bare, times.listened), unit: "×" },
    },
    {
      name: "  one more stage, which does nothing",
      library: perSecond(times.stage),
      bare: perSecond(times.library),
      ...{ measured: microsecondsMore(times.stage, times.library), unit: " µs", target: { atMost: 5 } },
    },
  ];
};

/** For each upload, by the medians: the difference of two figures that each vary by more than it is. */
function microsecondsMore(more: readonly number[], less: readonly number[]): Measured {
  const each = (milliseconds: number) => (milliseconds * 1000) / UPLOADS;
  const both = Math.hypot(noise(more), noise(less));
  return { value: each(median(more) - median(less)), noise: each(both) };
}

function perSecond(times: readonly number[]): string {
  return `${Math.round(UPLOADS / (median(times) / 1000)).toLocaleString("en")}/s`;
}
