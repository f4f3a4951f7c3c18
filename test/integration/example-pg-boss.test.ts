import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { cannotRun } from "../support/pg-boss.js";

const { TEST_POSTGRES_URL } = process.env;

describe.skipIf(cannotRun)("examples/pg-boss.ts", () => {
  const schema = `example_${randomUUID().slice(0, 8)}`;
  const pool = new pg.Pool({ connectionString: TEST_POSTGRES_URL });
  beforeAll(() => pool.query(`create schema ${schema}`));
  afterAll(async () => {
    vi.unstubAllEnvs();
    vi.restoreAllMocks();
    await pool.query(`drop schema if exists ${schema}, ${schema}_jobs cascade`);
    await pool.end();
  });

  test("runs as it is", async () => {
    const printed: string[] = [];
    vi.spyOn(console, "log").mockImplementation((line: string) => void printed.push(line));
    const complained = vi.spyOn(console, "error").mockImplementation(() => {});
    vi.stubEnv("PGBOSS_SCHEMA", `${schema}_jobs`);
    vi.stubEnv("DATABASE_URL", `${TEST_POSTGRES_URL}?options=-c%20search_path%3D${schema}`);
    await import("../../examples/pg-boss.js");
    expect(printed[0]).toBe("5 jobs");
    expect(printed.slice(1).map((line) => line.split(":", 1)[0])).toEqual(
      expect.arrayContaining(["astronaut.jpg", "cat.png", "coffee.webp", "hubble.jpg", "rocket.jpg"]),
    );
    expect(complained).not.toHaveBeenCalled();
  });
});

test("examples/pg-boss.ts has at most 60 lines", () => {
  const lines = readFileSync(new URL("../../examples/pg-boss.ts", import.meta.url), "utf8")
    .trimEnd()
    .split("\n");
  expect(lines.length).toBeLessThanOrEqual(60);
});
