import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ConfigurationError } from "../../src/index.js";
import {
  closeUploads,
  enqueueUploads,
  type SettledBatch,
  uploadJobHandler,
  workDeadLetters,
  workUploads,
} from "../../src/integrations/pg-boss.js";
import { deferred, ids, until, untilAborted, uploadOf, type World, worldOf } from "../support/fakes.js";
import { cannotRun, closingAfterEach, EAGER, jobIn, jobWhere, openQueue } from "../support/pg-boss.js";

const { TEST_POSTGRES_URL } = process.env;

describe.skipIf(cannotRun)("jobs of pg-boss", () => {
  closingAfterEach();

  test("each upload has one job, in pages; one that has ended is followed by another", async () => {
    const { boss } = await openQueue();
    const uploads = ids(2500);
    expect(await enqueueUploads(boss, "uploads", uploads)).toEqual({ added: 2500, already: 0 });
    const [first, second] = uploads.map(({ id }) => id) as [string, string];
    expect(await enqueueUploads(boss, "uploads", [first, "new", "new", uploadOf(second)])).toEqual({
      added: 1,
      already: 3,
    });
    const world = worldOf([uploadOf(first)]);
    await workUploads(boss, "uploads", world, { thumbnail: false, work: EAGER });
    await jobIn(boss, first, "completed");
    expect(await enqueueUploads(boss, "uploads", [first])).toEqual({ added: 1, already: 0 });
    await expect(enqueueUploads(boss, "uploads", [{ id: "" }])).rejects.toThrow(ConfigurationError);
  });

  test("one job after the other is taken at once, not one for each look at the queue", async () => {
    const uploads = ids(20);
    const world = worldOf(uploads);
    const { boss } = await openQueue();
    await enqueueUploads(boss, "uploads", uploads);
    await workUploads(boss, "uploads", world, { thumbnail: false, work: { pollingIntervalSeconds: 3600 } });
    for (const { id } of uploads) await jobIn(boss, id, "completed");
  });

  test("a queue without what uploads need is refused, with the remedy", async () => {
    const { boss } = await openQueue();
    await boss.createQueue("no-heartbeat", { policy: "exclusive" });
    await boss.createQueue("standard", { heartbeatSeconds: 10 });
    const world = worldOf([]);
    await expect(enqueueUploads(boss, "nowhere", [])).rejects.toThrow(/nowhere.*createQueue\("nowhere"/);
    await expect(enqueueUploads(boss, "no-heartbeat", [])).rejects.toThrow(/heartbeatSeconds.*updateQueue/);
    await expect(enqueueUploads(boss, "standard", [])).rejects.toThrow(/policy: "exclusive", got "standard"/);
    await expect(workUploads(boss, "no-heartbeat", world)).rejects.toThrow(ConfigurationError);
    await expect(workUploads(boss, "nowhere", world)).rejects.toThrow(ConfigurationError);
    await expect(workUploads(boss, "uploads", world, { nothing: 1 } as object)).rejects.toThrow(/nothing/);
    expect(boss.getWipData()).toEqual([]);
  });

  test("the handler alone works a queue, is closed likewise, and says when it gets no metadata", async () => {
    const world = worldOf([uploadOf("a"), uploadOf("b")]);
    world.ai.describe.mockImplementationOnce((_, { signal }) => untilAborted(signal));
    const opened = await openQueue({ retryLimit: 0 });
    const { boss } = opened;
    const handler = uploadJobHandler(boss, world, { thumbnail: false });
    await boss.work("uploads", { ...EAGER, perJobResults: true, includeMetadata: true }, handler);
    await enqueueUploads(boss, "uploads", ["a"]);
    await until(() => world.ai.describe.mock.calls.length === 1);
    await closeUploads(boss, "uploads", { graceMs: 0 });
    await boss.work("uploads", { ...EAGER, perJobResults: true, includeMetadata: true }, handler);
    expect(await jobIn(boss, "a", "completed", "failed")).toMatchObject({ state: "completed" });
    await closeUploads(boss, "uploads");
    await boss.work("uploads", { ...EAGER, perJobResults: true }, handler as never);
    await enqueueUploads(boss, "uploads", ["b"]);
    const { output } = await jobIn(boss, "b", "failed");
    expect(output).toMatchObject({ message: expect.stringContaining("includeMetadata: true") });
  });

  test("closing lets what is in work end within the grace, and detaches plugins", async () => {
    const world = worldOf([uploadOf("a")]);
    const gate = deferred<string>();
    world.ai.describe.mockReturnValueOnce(gate.promise);
    const { boss } = await openQueue();
    let detached = 0;
    const plugin = { attach: () => () => void detached++ };
    await workUploads(boss, "uploads", world, { thumbnail: false, plugins: [plugin], work: EAGER });
    await enqueueUploads(boss, "uploads", ["a"]);
    await until(() => world.ai.describe.mock.calls.length === 1);
    const closed = closeUploads(boss, "uploads", { graceMs: 60_000 });
    gate.resolve("words");
    await closed;
    expect(detached).toBe(1);
    expect(await jobIn(boss, "a", "completed", "created", "retry")).toMatchObject({ state: "completed" });
    await expect(closeUploads(boss, "uploads", { graceMs: Number.NaN })).rejects.toThrow(/graceMs/);
  });
});

const next = () => new Promise((resolve) => setTimeout(resolve, 20));

/** A queue whose jobs are tried once, with dead letters. */
async function openDeadLetters() {
  const opened = await openQueue({ retryLimit: 0 });
  await opened.boss.createQueue("dead");
  await opened.boss.updateQueue("uploads", { deadLetter: "dead" });
  return opened;
}

async function untilFailed(world: World, id: string) {
  for (;;) {
    const upload = await world.repository.findUpload(id);
    if (upload?.status === "failed") return upload;
    await next();
  }
}

describe.skipIf(cannotRun)("jobs that pg-boss gives up", () => {
  closingAfterEach();

  test("settle their upload and its batch; an upload that has a new job is left to that", async () => {
    const world = worldOf([uploadOf("a", { starts: 1, batchId: "alone" }), uploadOf("b")]);
    await world.repository.addBatch({ id: "alone", status: "processing" });
    const settled: SettledBatch[] = [];
    const { boss } = await openDeadLetters();
    await enqueueUploads(boss, "uploads", ["a", "b"]);
    for (const { id } of await boss.fetch("uploads", { batchSize: 2 }))
      await boss.fail("uploads", id, { message: "lost" });
    await enqueueUploads(boss, "uploads", ["b"]);
    await workDeadLetters(boss, "dead", { ...world, onBatchSettled: (batch) => settled.push(batch) });
    while ((await boss.findJobs("dead")).some(({ state }) => state !== "completed")) await next();
    expect(await world.repository.findUpload("a")).toMatchObject({
      status: "failed",
      errorCode: "ENGINE_GAVE_UP",
      errorMessage: "pg-boss gave up the job: lost",
    });
    expect(await world.repository.findUpload("b")).toMatchObject({ status: "pending" });
    expect(settled).toMatchObject([{ batchId: "alone", counts: { failed: 1 } }]);
  });

  test("leave an upload to itself that had failed by itself, also when it was reset since", async () => {
    const world = worldOf([uploadOf("a")]);
    world.ai.describe.mockRejectedValueOnce(Object.assign(new Error("not this one"), { status: 400 }));
    const { boss } = await openDeadLetters();
    await workUploads(boss, "uploads", world, { thumbnail: false, work: EAGER });
    await enqueueUploads(boss, "uploads", ["a"]);
    await jobIn(boss, "a", "failed");
    await world.repository.resetUploads({ ids: ["a"] }, "retry", "once more");
    await workDeadLetters(boss, "dead", world);
    while ((await boss.findJobs("dead"))[0]?.state !== "completed") await next();
    expect(await world.repository.findUpload("a")).toMatchObject({ status: "pending" });
    await enqueueUploads(boss, "uploads", ["a"]);
    expect(await jobIn(boss, "a", "completed")).toMatchObject({ output: { status: "completed" } });
  });

  test("of another kind, by a queue that has the same dead letters, settle no upload that they name", async () => {
    const world = worldOf([uploadOf("a")]);
    const { boss, errors } = await openDeadLetters();
    await boss.createQueue("mail", { deadLetter: "dead", retryLimit: 0 });
    const id = await boss.send("mail", { uploadId: "a", to: "jane@example.com" });
    await boss.fetch("mail");
    await boss.fail("mail", id ?? "", { message: "mailbox full" });
    await workDeadLetters(boss, "dead", world);
    while ((await boss.findJobs("dead"))[0]?.state !== "failed") await next();
    expect(await world.repository.findUpload("a")).toMatchObject({ status: "pending" });
    expect(errors.map(({ message }) => message)).toEqual([
      expect.stringMatching(/queue "mail": expected a job that enq/),
    ]);
  });

  test("because the process that had them was killed, tell so", async () => {
    const world = worldOf([uploadOf("a", { batchId: "alone" })]);
    await world.repository.addBatch({ id: "alone", status: "processing" });
    const { boss, schema } = await openDeadLetters();
    await workDeadLetters(boss, "dead", world);
    await enqueueUploads(boss, "uploads", ["a"]);
    const worker = `
      import { PgBoss } from "pg-boss";
      const boss = new PgBoss({ connectionString: process.env.TEST_POSTGRES_URL, schema: "${schema}", supervise: false });
      await boss.start();
      await boss.work("uploads", { heartbeatRefreshSeconds: 1 }, () => new Promise(() => {}));`;
    const child = spawn(process.execPath, ["--input-type=module", "--eval", worker], { stdio: "inherit" });
    const { heartbeatOn } = await jobIn(boss, "a", "active");
    // It is alive for a while.
    await jobWhere(boss, "a", (job) => Number(job.heartbeatOn) > Number(heartbeatOn));
    child.kill("SIGKILL");
    await once(child, "exit");
    expect(await untilFailed(world, "a")).toMatchObject({
      errorCode: "ENGINE_GAVE_UP",
      errorMessage: "pg-boss gave up the job: job heartbeat timeout",
    });
    while ((await world.repository.findBatch("alone"))?.status !== "completed") await next();
  });

  test("because they have expired, tell so", async () => {
    const world = worldOf([uploadOf("a")]);
    const { boss } = await openDeadLetters();
    await boss.send("uploads", { uploadId: "a" }, { singletonKey: "a", expireInSeconds: 1 });
    await boss.fetch("uploads");
    await workDeadLetters(boss, "dead", world);
    expect(await untilFailed(world, "a")).toMatchObject({ errorMessage: "pg-boss gave up the job: job timed out" });
  });

  test("come again while somebody holds the upload", async () => {
    const world = worldOf([uploadOf("a")]);
    await world.repository.claimUpload("a", { leaseMs: 3_600_000, token: "another" });
    const { boss } = await openDeadLetters();
    await enqueueUploads(boss, "uploads", ["a"]);
    for (const { id } of await boss.fetch("uploads")) await boss.fail("uploads", id, null);
    await workDeadLetters(boss, "dead", world);
    const waiting = async () => (await boss.findJobs<{ waits?: number }>("dead"))[0]?.data.waits === 1;
    while (!(await waiting())) await next();
    expect(await boss.findJobs("dead")).toMatchObject([{ state: "created" }]);
  });
});

describe.skipIf(cannotRun)("rows and jobs in one transaction", () => {
  closingAfterEach();
  const table = `rows_${randomUUID().slice(0, 8)}`;
  const pool = new pg.Pool({ connectionString: TEST_POSTGRES_URL });
  beforeAll(() => pool.query(`create table ${table} (id text primary key)`));
  afterAll(async () => {
    await pool.query(`drop table ${table}`);
    await pool.end();
  });

  test.each(["rollback", "commit"])("%s: both or neither", async (end) => {
    const { boss } = await openQueue();
    const client = await pool.connect();
    try {
      await client.query("begin");
      await client.query(`insert into ${table} values ('a')`);
      const db = { executeSql: (text: string, values?: unknown[]) => client.query(text, values) };
      expect(await enqueueUploads(boss, "uploads", ["a"], { db })).toEqual({ added: 1, already: 0 });
      await client.query(end);
    } finally {
      client.release();
    }
    const { rows } = await pool.query(`select * from ${table}`);
    const jobs = await boss.findJobs("uploads");
    expect([rows.length, jobs.length]).toEqual(end === "commit" ? [1, 1] : [0, 0]);
  });
});
