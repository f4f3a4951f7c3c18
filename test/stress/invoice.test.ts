import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { findPostgres, PostgresServer } from "../support/postgres-server.js";
import { readBook } from "./invoice/book.js";
import { budgets } from "./invoice/budget-run.js";
import { invoice } from "./invoice/invoice-run.js";
import type { Line } from "./invoice/plan.js";

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

test("a call that was cut off is excused where the worker has lost the upload, else it is missing", () => {
  const folder = mkdtempSync(join(tmpdir(), "book-"));
  const line = (event: Line["event"], id: string, call = ""): Line => ({
    ...{ event, id, call, stage: "describe", pid: 7 },
    cost: event === "billed" || event === "booked" ? 3 : 0,
  });
  const lines = [
    ...[line("billed", "a", "1"), line("cut", "a"), line("lost", "a")],
    ...[line("billed", "b", "2"), line("cut", "b")],
    ...[line("billed", "c", "3"), line("booked", "c", "3")],
  ];
  try {
    writeFileSync(join(folder, "book"), lines.map((each) => `${JSON.stringify(each)}\n`).join(""));
    const { bill, ledger, cutOff, inFlight, problems } = readBook(join(folder, "book"));
    expect({ bill, ledger, problems }).toEqual({ bill: 9, ledger: 3, problems: [] });
    expect(cutOff.map(({ call }) => call)).toEqual(["1"]);
    expect(inFlight.get(7)?.map(({ call }) => call)).toEqual(["2"]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
