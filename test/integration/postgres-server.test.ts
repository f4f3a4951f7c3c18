import { randomUUID } from "node:crypto";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { postgresRepository } from "../../src/adapters/postgres.js";
import { columnsOf, pending } from "../support/postgres.js";

const url = process.env.TEST_POSTGRES_URL;

describe.skipIf(url === undefined)("on a server (TEST_POSTGRES_URL)", () => {
  const schema = `integration_${randomUUID().slice(0, 8)}`;
  const tables = { uploads: `${schema}.uploads`, batches: `${schema}.batches` };
  const pool = new pg.Pool({ connectionString: url, max: 10 });
  const repository = postgresRepository(pool, { tables });

  beforeAll(async () => {
    await pool.query(`create schema ${schema}`);
    await repository.migrate();
  });
  afterAll(async () => {
    await pool.query(`drop schema ${schema} cascade`);
    await pool.end();
  });

  async function newUpload(): Promise<string> {
    const id = randomUUID();
    await repository.addUploads([pending(id)]);
    return id;
  }

  /** Runs `before` in a transaction, starts `call`, which has to wait for it, and commits. */
  async function whileLocked<T>(before: string, id: string, call: () => Promise<T>): Promise<T> {
    const holder = await pool.connect();
    try {
      await holder.query("begin");
      await holder.query(before, [id]);
      const called = call();
      const waiting = "select 1 from pg_stat_activity where wait_event_type = 'Lock' and query like $1";
      await vi.waitFor(async () => expect((await holder.query(waiting, [`%${schema}%`])).rows).not.toEqual([]), 5000);
      await holder.query("commit");
      return await called;
    } finally {
      holder.release();
    }
  }

  test("migrate may run in several processes at once", async () => {
    for (let round = 0; round < 5; round++) {
      const fresh = { uploads: `${schema}.uploads_${round}`, batches: `${schema}.batches_${round}` };
      await Promise.all(Array.from({ length: 10 }, () => postgresRepository(pool, { tables: fresh }).migrate()));
      expect(await columnsOf(pool, fresh.uploads)).toEqual(await columnsOf(pool, tables.uploads));
    }
  });

  test("schemaSql runs as it is", async () => {
    const printed = { uploads: `${schema}.printed_uploads`, batches: `${schema}.printed_batches` };
    await pool.query(postgresRepository(pool, { tables: printed }).schemaSql());
    expect(await columnsOf(pool, printed.uploads)).toEqual(await columnsOf(pool, tables.uploads));
  });

  test("of 100 claims over 10 connections, one is granted", async () => {
    for (let round = 0; round < 5; round++) {
      const id = await newUpload();
      const claim = () => repository.claimUpload(id, { leaseMs: 60_000, token: randomUUID() });
      const answers = await Promise.all(Array.from({ length: 100 }, claim));
      expect(answers.filter((answer) => answer?.outcome === "claimed")).toHaveLength(1);
      expect(answers.filter((answer) => answer?.outcome === "busy")).toHaveLength(99);
      expect(await repository.findUpload(id)).toMatchObject({ starts: 1 });
    }
  });

  test("leases run by the clock of the database, whatever the clocks of the processes say", async () => {
    const now = Date.now();
    const claimAt = async (id: string, time: number) => {
      vi.setSystemTime(time);
      return repository.claimUpload(id, { leaseMs: 60_000, token: randomUUID() });
    };
    vi.useFakeTimers({ toFake: ["Date"] });
    try {
      for (const wrong of [-3_600_000, 3_600_000]) {
        const id = await newUpload();
        expect(await claimAt(id, now + wrong)).toMatchObject({ outcome: "claimed" });
        const answer = await claimAt(id, now - wrong);
        expect(answer).toEqual({
          outcome: "busy",
          retryAfterMs: expect.toSatisfy((ms) => ms > 30_000 && ms <= 60_000),
        });
      }
    } finally {
      vi.useRealTimers();
    }
  });

  describe("what waits for another writer answers by what that one left behind", () => {
    const remove = `delete from ${tables.uploads} where id = $1`;
    const takeOver = `update ${tables.uploads} set fence = fence + 1, starts = 7, status = 'analyzing', lease_until = clock_timestamp() + interval '1 hour' where id = $1`;
    const settle = `update ${tables.uploads} set status = 'completed', description = 'theirs' where id = $1`;
    const touch = `update ${tables.uploads} set user_id = 'user-1' where id = $1`;

    async function claimed() {
      const id = await newUpload();
      const answer = await repository.claimUpload(id, { leaseMs: 60_000, token: randomUUID() });
      return { id, fence: answer?.outcome === "claimed" ? answer.fence : -1 };
    }

    test.each([
      { before: remove, outcome: "deleted" },
      { before: takeOver, outcome: "stale" },
      { before: settle, outcome: "stale" },
      { before: touch, outcome: "saved" },
    ])("a write: $outcome after $before", async ({ before, outcome }) => {
      const { id, fence } = await claimed();
      const write = () => repository.updateUpload(id, { description: "ours" }, { fence, leaseMs: 60_000 });
      expect(await whileLocked(before, id, write)).toBe(outcome);
      const after = await repository.findUpload(id);
      expect(after?.description === "ours").toBe(outcome === "saved");
      if (outcome === "saved") expect(after?.userId).toBe("user-1");
    });

    test.each([
      { before: remove, outcome: "deleted" },
      { before: takeOver, outcome: "busy" },
      { before: settle, outcome: "settled" },
      { before: touch, outcome: "claimed" },
    ])("a claim: $outcome after $before", async ({ before, outcome }) => {
      const id = await newUpload();
      const claim = () => repository.claimUpload(id, { leaseMs: 60_000, token: randomUUID() });
      const answer = await whileLocked(before, id, async () => claim());
      expect(answer?.outcome).toBe(outcome);
      if (answer?.outcome === "settled") expect(answer.upload.description).toBe("theirs");
      if (answer?.outcome === "claimed") expect(answer.upload).toMatchObject({ userId: "user-1", starts: 1 });
      if (answer?.outcome === "busy") expect(answer.retryAfterMs).toBeGreaterThan(3_500_000);
    });

    test("a transition of a batch", async () => {
      const id = randomUUID();
      await repository.addBatch({ id, status: "processing" });
      const cancel = `update ${tables.batches} set status = 'cancelled' where id = $1`;
      const complete = () => repository.updateBatch(id, { status: "completed" }, ["processing"]);
      expect(await whileLocked(cancel, id, complete)).toBe("stale");
      expect(await repository.findBatch(id)).toMatchObject({ status: "cancelled" });
    });
  });

  test("a client with an open transaction adds uploads with it, or not", async () => {
    const client = new pg.Client(url);
    await client.connect();
    const inTransaction = postgresRepository(client, { tables });
    const id = randomUUID();
    for (const [end, found] of [
      ["rollback", null],
      ["commit", { id }],
    ] as const) {
      await client.query("begin");
      await inTransaction.migrate();
      await inTransaction.addUploads([pending(id)]);
      await client.query(end);
      const upload = await repository.findUpload(id);
      expect(upload && { id: upload.id }).toEqual(found);
    }
    await client.end();
  });
});
