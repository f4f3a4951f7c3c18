import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { findPostgres, PostgresServer } from "../support/postgres-server.js";
import { budgets } from "./invoice/budget-run.js";
import { invoice } from "./invoice/invoice-run.js";

/** Fewer kills and budgets than `npm run stress:invoice`; the moments are at random, so each run tries others. */
const seed = Number(process.env.INVOICE_SEED ?? Date.now() % 1_000_000);

describe.skipIf(findPostgres() === undefined)("on a PostgreSQL server (where it is installed)", () => {
  let server: PostgresServer;
  beforeAll(async () => {
    server = await PostgresServer.start();
  });
  afterAll(() => server.stop());

  test("the bill of the service is what the ledgers booked, and what was in flight at a kill", async () => {
    const report = await invoice({ url: server.url, kills: 15, seed });
    expect({ seed, problems: report.problems }).toEqual({ seed, problems: [] });
    expect(report.kills).toBeGreaterThanOrEqual(15);
    expect(report.bill).toBeGreaterThan(0);
  }, 300_000);
});

test("budgets of all sizes are not overrun by more than they may be", async () => {
  const { problems } = await budgets(60, seed);
  expect({ seed, problems }).toEqual({ seed, problems: [] });
}, 120_000);
