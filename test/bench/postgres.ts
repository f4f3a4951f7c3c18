import { measureInChild } from "./child.js";
import { passedOver } from "./postgres-tables.js";
import type { Benchmark, Row } from "./report.js";
import { interleave, median, ratio } from "./rounds.js";

const UPLOADS = 4000;

/** What the library and its repository cost on a PostgreSQL server, beside three UPDATEs by hand. */
export const postgres: Benchmark = async ({ quick }) => {
  const url = process.env.TEST_POSTGRES_URL;
  if (url === undefined) return passedOver("postgres");
  const rows: Row[] = [];
  const variants = [
    { concurrency: 8, name: "library", how: "", atLeast: 0.8 },
    { concurrency: 32, name: "library", how: "", atLeast: 0.8 },
    { concurrency: 64, name: "together", how: ", with coalesce", atLeast: 3 },
  ];
  for (const { concurrency, name, how, atLeast } of variants) {
    const side = (which: string) => () =>
      measureInChild("postgres-child.ts", which, url, String(UPLOADS), String(concurrency));
    const times = await interleave(quick ? 3 : 7, { library: side(name), bare: side("by-hand") });
    rows.push({
      name: `uploads on PostgreSQL, ${concurrency} at once${how}`,
      library: perSecond(times.library),
      bare: perSecond(times.bare),
      ...{ measured: ratio(times.bare, times.library), unit: "×", target: { atLeast } },
    });
  }
  return rows;
};

function perSecond(times: readonly number[]): string {
  return `${Math.round(UPLOADS / (median(times) / 1000)).toLocaleString("en")}/s`;
}
