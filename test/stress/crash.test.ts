import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { findPostgres, PostgresServer } from "../support/postgres-server.js";
import { crash } from "./crash/crash-run.js";

/** Fewer kills than `npm run stress:crash`; the moments are at random, so each run tries others. */
const seed = Number(process.env.CRASH_SEED ?? Date.now() % 1_000_000);

const nothingLost = (kills: number, stops: number) => ({ seed, kills, stops, problems: [] });

test("a worker on PGlite is killed and stopped again and again: nothing is lost, nothing done twice", async () => {
  const options = { workers: 1, concurrency: 1, kills: 5, stops: 1, uploads: 60, seed } as const;
  const report = await crash({ store: "pglite", ...options });
  expect({ seed, ...report }).toMatchObject(nothingLost(5, 1));
  expect(report.mostExtraOfOne).toBeLessThanOrEqual(1);
}, 240_000);

describe.skipIf(findPostgres() === undefined)("on a PostgreSQL server (where it is installed)", () => {
  let server: PostgresServer;
  beforeAll(async () => {
    server = await PostgresServer.start();
  });
  afterAll(() => server.stop());

  test("three workers on one batch are killed and stopped: nothing is lost, nothing done twice", async () => {
    const options = { workers: 3, concurrency: 1, kills: 10, stops: 2, uploads: 150, seed } as const;
    const report = await crash({ store: { kind: "postgres", url: server.url }, ...options });
    expect({ seed, ...report }).toMatchObject(nothingLost(10, 2));
    expect(report.mostExtraOfOne).toBeLessThanOrEqual(1);
  }, 240_000);
});
