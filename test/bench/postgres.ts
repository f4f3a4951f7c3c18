import { measureInChild } from "./child.js";
import { passedOver } from "./postgres-tables.js";
import type { Benchmark, Row } from "./report.js";
import { interleave, median, ratio } from "./rounds.js";

/** What the library and its repository cost on a PostgreSQL server, beside three UPDATEs by hand. */
export const postgres: Benchmark = async ({ quick }) => {
  const url = process.env.TEST_POSTGRES_URL;
  if (url === undefined) return passedOver("postgres");
  const rows: Row[] = [];
  const variants = [
    { concurrency: 1, uploads: 1000, atLeast: 0.8 },
    { concurrency: 8, uploads: 4000, atLeast: 0.8 },
    { concurrency: 32, uploads: 4000, atLeast: 0.8 },
    { concurrency: 64, uploads: 4000, atLeast: 3 },
  ];
  for (const { concurrency, uploads, atLeast } of variants) {
    const side = (which: string) => () =>
      measureInChild("postgres-child.ts", which, url, String(uploads), String(concurrency));
    const times = await interleave(quick ? 3 : 7, { library: side("library"), bare: side("by-hand") });
    rows.push({
      name: `uploads on PostgreSQL, ${concurrency} at once`,
      library: perSecond(uploads, times.library),
      bare: perSecond(uploads, times.bare),
      ...{ measured: ratio(times.bare, times.library), unit: "×", target: { atLeast } },
    });
  }
  return rows;
};

function perSecond(uploads: number, times: readonly number[]): string {
  return `${Math.round(uploads / (median(times) / 1000)).toLocaleString("en")}/s`;
}
