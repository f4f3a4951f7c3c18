import { measureInChild } from "./child.js";
import type { Benchmark } from "./report.js";
import { interleave, median, ratio } from "./rounds.js";

const JOBS = 4000;

/** What the library costs in a handler of BullMQ: beside a handler that does nothing, and one with three UPDATEs by hand. */
export const bullmq: Benchmark = async ({ quick }) => {
  const { TEST_REDIS_URL: redis, TEST_POSTGRES_URL: postgres } = process.env;
  if (redis === undefined || postgres === undefined) {
    console.log("bullmq: passed over, because TEST_REDIS_URL and TEST_POSTGRES_URL name no servers");
    return [];
  }
  const side = (name: string) => () => measureInChild("bullmq-child.ts", name, redis, postgres, String(JOBS));
  const times = await interleave(quick ? 3 : 7, {
    postgres: side("postgres"),
    progress: side("progress"),
    byHand: side("by-hand"),
    memory: side("memory"),
    bare: side("bare"),
  });
  return [
    {
      name: "jobs of BullMQ, ./postgres to UPDATEs by hand",
      library: perSecond(times.postgres),
      bare: perSecond(times.byHand),
      ...{ measured: ratio(times.byHand, times.postgres), unit: "×", target: { atLeast: 0.8 } },
    },
    {
      name: "jobs of BullMQ, with progress to without",
      library: perSecond(times.progress),
      bare: perSecond(times.postgres),
      ...{ measured: ratio(times.postgres, times.progress), unit: "×", target: { atLeast: 0.95 } },
    },
    {
      name: "jobs of BullMQ, ./memory to a bare handler",
      library: perSecond(times.memory),
      bare: perSecond(times.bare),
      ...{ measured: ratio(times.bare, times.memory), unit: "×", target: { atLeast: 0.6 } },
    },
  ];
};

function perSecond(times: readonly number[]): string {
  return `${Math.round(JOBS / (median(times) / 1000)).toLocaleString("en")}/s`;
}
