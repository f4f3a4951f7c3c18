import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { Queue } from "bullmq";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { REDIS_URL } from "../support/bullmq.js";
import { connectionOf } from "../support/bullmq-connection.js";

const { TEST_POSTGRES_URL } = process.env;

describe.skipIf(REDIS_URL === undefined || TEST_POSTGRES_URL === undefined)("examples/bullmq.ts", () => {
  const schema = `example_${randomUUID().slice(0, 8)}`;
  const pool = new pg.Pool({ connectionString: TEST_POSTGRES_URL });
  beforeAll(() => pool.query(`create schema ${schema}`));
  afterAll(async () => {
    vi.unstubAllEnvs();
    vi.restoreAllMocks();
    await pool.query(`drop schema ${schema} cascade`);
    await pool.end();
    const queue = new Queue(schema, { connection: connectionOf(REDIS_URL ?? "") });
    await queue.obliterate({ force: true });
    await queue.close();
  });

  test("runs as it is, and is short", async () => {
    const printed: string[] = [];
    vi.spyOn(console, "log").mockImplementation((line: string) => void printed.push(line));
    const complained = vi.spyOn(console, "error").mockImplementation(() => {});
    vi.stubEnv("REDIS_URL", REDIS_URL ?? "");
    vi.stubEnv("QUEUE", schema);
    vi.stubEnv("DATABASE_URL", `${TEST_POSTGRES_URL}?options=-c%20search_path%3D${schema}`);
    await import("../../examples/bullmq.js");
    expect(printed[0]).toBe("5 jobs");
    expect(printed.filter((line) => / completed in \d+ ms$/.test(line))).toHaveLength(5);
    expect(printed.slice(-5).map((line) => line.split(":", 1)[0])).toEqual(
      expect.arrayContaining(["astronaut.jpg", "cat.png", "coffee.webp", "hubble.jpg", "rocket.jpg"]),
    );
    expect(complained).not.toHaveBeenCalled();
  });

  test("has at most 60 lines", () => {
    const lines = readFileSync(new URL("../../examples/bullmq.ts", import.meta.url), "utf8")
      .trimEnd()
      .split("\n");
    expect(lines.length).toBeLessThanOrEqual(60);
  });
});
