import { type ChildProcess, execFile, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import pg from "pg";
import { describe, expect, onTestFinished, test } from "vitest";
import { postgresRepository } from "../../src/adapters/postgres.js";
import { enqueueUploads } from "../../src/integrations/bullmq.js";
import { ensureBuilt, ROOT } from "../support/build.js";
import { closingAfterEach, openQueue, REDIS_URL } from "../support/bullmq.js";
import { freePort } from "../support/free-port.js";

const { TEST_POSTGRES_URL } = process.env;
const PHOTOS = readdirSync(`${ROOT}/examples/photos`).filter((name) => !name.endsWith(".md"));

test("the example shows what Prometheus would see, and ends", async () => {
  ensureBuilt();
  const env = { ...process.env, METRICS_PORT: String(await freePort()) };
  const args = ["--import", "tsx", "examples/telemetry.ts"];
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: ROOT, env });
  expectMetrics(stdout);
  expect(stdout).toMatch(/^upload_processor_breaker_count\{[^}]*"closed"[^}]*\} 1$/m);
});

describe.skipIf(REDIS_URL === undefined || TEST_POSTGRES_URL === undefined)("the worker of BullMQ", () => {
  closingAfterEach();

  test("is scraped as by Prometheus, tells of its batch, and ends by itself when it is told to", async () => {
    ensureBuilt();
    const schema = `telemetry_${randomUUID().slice(0, 8)}`;
    const url = `${TEST_POSTGRES_URL}?options=-c%20search_path%3D${schema}`;
    const pool = new pg.Pool({ connectionString: url });
    onTestFinished(async () => {
      await pool.query(`drop schema ${schema} cascade`);
      await pool.end();
    });
    await pool.query(`create schema ${schema}`);
    const repository = postgresRepository(pool);
    await repository.migrate();
    await repository.addBatch({ id: "photos" });
    const uploads = [...PHOTOS, "lost.jpg"].map((id) => ({ id, batchId: "photos", storageKey: `photos/${id}` }));
    await repository.addUploads(uploads);
    const queue = openQueue();
    await enqueueUploads(queue, uploads);

    const env = {
      ...process.env,
      METRICS_PORT: String(await freePort()),
      DATABASE_URL: url,
      REDIS_URL,
      QUEUE: queue.name,
    };
    const args = ["--import", "tsx", "examples/telemetry-worker.ts"];
    const child = spawn(process.execPath, args, { cwd: ROOT, env, stdio: ["ignore", "pipe", "inherit"] });
    onTestFinished(() => void child.kill("SIGKILL"));
    const exited = once(child, "exit");
    const lines = await linesUntil(child, /failed/);
    expect(lines.join("\n")).toContain("Batch photos:");
    const address = /Serving (\S+)/.exec(lines.join("\n"))?.[1] ?? "";
    expectMetrics(await (await fetch(address)).text());
    child.kill("SIGTERM");
    expect(await exited).toEqual([0, null]);
  });
});

function expectMetrics(text: string): void {
  expect(text).toMatch(/^upload_processor_upload_duration_count\{[^}]*"completed"[^}]*\} 7$/m);
  expect(text).toMatch(/^upload_processor_upload_duration_count\{[^}]*"MISSING_ORIGINAL"[^}]*\} 1$/m);
  expect(text).toMatch(/^upload_processor_model_requests_total\{[^}]*"describe"[^}]*\} 7$/m);
}

/** What a program has printed, up to a line that tells something. */
async function linesUntil({ stdout }: ChildProcess, last: RegExp): Promise<string[]> {
  const lines: string[] = [];
  if (stdout === null) return lines;
  for await (const line of createInterface(stdout)) {
    lines.push(line);
    if (last.test(line)) break;
  }
  return lines;
}
