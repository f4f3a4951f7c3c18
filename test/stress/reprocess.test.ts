import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { settled, useFakeTime } from "../support/fake-time.js";
import { findPostgres, PostgresServer } from "../support/postgres-server.js";
import { type History, histories } from "./reprocess/history.js";
import { play } from "./reprocess/play.js";
import { redo } from "./reprocess/redo-run.js";

vi.mock("../../src/media/pictures.ts", () => import("../support/pictures-at-once.js"));

/**
 * A rerun never loses: fewer histories than `npm run stress:reprocess`. REPROCESS_HISTORIES sets how many, and REPROCESS_CASE
 * repeats the smallest one that failed, as its message says.
 */
const HISTORIES = Number(process.env.REPROCESS_HISTORIES ?? 500);
const CASE = process.env.REPROCESS_CASE;
/** A busy machine does not look for the smallest one for ever. */
const LONGEST_MS = 60_000 + HISTORIES * 500;

async function holds(history: History): Promise<void> {
  vi.clearAllTimers();
  const problems = await settled(play(history));
  if (problems.length > 0) throw new Error(problems.slice(0, 5).join("\n"));
}

describe("in memory", () => {
  useFakeTime();

  test(`what is done again keeps its result, over ${HISTORIES} random histories`, {
    timeout: LONGEST_MS * 2,
  }, async () => {
    if (CASE !== undefined) return holds(JSON.parse(CASE));
    const seed = Number(process.env.REPROCESS_SEED ?? Math.floor(Math.random() * 2 ** 31));
    const limits = { interruptAfterTimeLimit: LONGEST_MS, markInterruptAsFailure: true };
    const found = await fc.check(fc.asyncProperty(histories, holds), { numRuns: HISTORIES, seed, ...limits });
    if (!found.failed) return;
    const repeat = `REPROCESS_CASE='${JSON.stringify(found.counterexample?.[0])}'`;
    const why = found.errorInstance instanceof Error ? found.errorInstance.message : String(found.errorInstance);
    const after = `after ${found.numRuns} histories of seed ${seed}, shrunk ${found.numShrinks} times`;
    const command = `${repeat} npx vitest run --config test/stress/vitest.config.ts test/stress/reprocess.test.ts`;
    throw new Error(`${why}\n\n${after}; to repeat it:\n${command}`);
  });
});

describe.skipIf(findPostgres() === undefined)("on a PostgreSQL server (where it is installed)", () => {
  let server: PostgresServer;
  beforeAll(async () => {
    server = await PostgresServer.start();
  });
  afterAll(() => server.stop());

  test("workers that are killed while they do a batch again lose nothing, and pay for nothing twice", async () => {
    const seed = Number(process.env.REPROCESS_SEED ?? Date.now() % 1_000_000);
    const reports = await Promise.all([0, 1].map((place) => redo(server.url, `redo_${place}`, seed + place)));
    for (const { problems } of reports) expect({ seed, problems }).toEqual({ seed, problems: [] });
    expect(reports.reduce((sum, { kills }) => sum + kills, 0)).toBeGreaterThan(0);
  }, 300_000);
});
