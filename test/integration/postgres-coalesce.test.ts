import { randomUUID } from "node:crypto";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type PostgresClient, postgresRepository } from "../../src/adapters/postgres.js";
import { BatchProcessor } from "../../src/index.js";
import { fakeAI, fakeStorage } from "../../src/testing/index.js";
import { pending } from "../support/postgres.js";

const url = process.env.TEST_POSTGRES_URL;

describe.skipIf(url === undefined)("coalesce, on a server (TEST_POSTGRES_URL)", () => {
  const schema = `coalesce_${randomUUID().slice(0, 8)}`;
  const tables = { uploads: `${schema}.uploads`, batches: `${schema}.batches` };
  const pool = new pg.Pool({ connectionString: url, max: 10 });
  let statements = 0;
  const counted: PostgresClient = {
    query: (text, values) => {
      statements++;
      return pool.query(text, values);
    },
  };
  const repository = postgresRepository(counted, { tables });

  beforeAll(async () => {
    await pool.query(`create schema ${schema}`);
    await repository.migrate();
  });
  afterAll(async () => {
    await pool.query(`drop schema ${schema} cascade`);
    await pool.end();
  });

  async function newUploads(count: number): Promise<string[]> {
    const ids = Array.from({ length: count }, () => randomUUID());
    await repository.addUploads(ids.map(pending));
    return ids;
  }

  const claim = (id: string, by = repository) => by.claimUpload(id, { leaseMs: 60_000, token: randomUUID() });

  test("256 uploads, 64 at once, take at most a quarter of the statements", async () => {
    const ids = await newUploads(256);
    const processor = new BatchProcessor({
      storage: fakeStorage(),
      ai: fakeAI(),
      repository,
      thumbnail: false,
      concurrency: 64,
    });
    statements = 0;
    expect(await processor.processUploads(ids)).toMatchObject({ completed: 256 });
    expect(statements).toBeLessThan((256 * 3) / 4);
    const { rows } = await pool.query(`select status, starts, description, embedding from ${tables.uploads}`);
    for (const row of rows) {
      expect(row).toMatchObject({ status: "completed", starts: 0, description: expect.any(String) });
      expect(row.embedding).not.toBeNull();
    }
  });

  test("one that waits alone is sent by the statement for one", async () => {
    const sent: string[] = [];
    const told: PostgresClient = {
      query: (text, values) => {
        sent.push(text);
        return pool.query(text, values);
      },
    };
    const alone = postgresRepository(told, { tables });
    const [one = "", ...others] = await newUploads(3);
    await claim(one, alone);
    expect(sent).toEqual([expect.not.stringContaining("skip locked")]);
    await Promise.all(others.map((id) => claim(id, alone)));
    expect(sent.slice(1)).toEqual([expect.stringContaining("skip locked")]);
  });

  test("the statements for several are planned once a connection, not at each execution", async () => {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    try {
      const together = postgresRepository(client, { tables });
      for (let round = 0; round < 10; round++) {
        const ids = await newUploads(2);
        await Promise.all(ids.map((id) => claim(id, together)));
        await Promise.all(ids.map((id) => together.updateUpload(id, { description: "a cat" }, { fence: 1 })));
      }
      const { rows } = await client.query(
        "select generic_plans::int as generic from pg_prepared_statements where statement like '%skip locked%'",
      );
      expect(rows).toHaveLength(2);
      // The first five are planned each by itself, whatever the statement.
      for (const { generic } of rows) expect(generic).toBe(5);
    } finally {
      await client.end();
    }
  });

  test("a row that somebody holds keeps no other one waiting", async () => {
    const [held, ...free] = await newUploads(10);
    const holder = await pool.connect();
    try {
      await holder.query("begin");
      await holder.query(`select from ${tables.uploads} where id = $1 for update`, [held]);
      const waiting = claim(held as string);
      const others = await Promise.all(free.map((id) => claim(id)));
      expect(others.map(({ outcome }) => outcome)).toEqual(free.map(() => "claimed"));
      const writes = free.map((id) => repository.updateUpload(id, { description: "a cat" }, { fence: 1 }));
      expect(await Promise.all(writes)).toEqual(free.map(() => "saved"));
      await holder.query("commit");
      expect(await waiting).toMatchObject({ outcome: "claimed", fence: 1 });
    } finally {
      holder.release();
    }
  });

  test("a value that the database refuses is refused to its upload alone", async () => {
    const ids = await newUploads(10);
    await pool.query(`alter table ${tables.uploads} add constraint short check (length(description) < 100)`);
    try {
      await Promise.all(ids.map((id) => claim(id)));
      const writes = ids.map((id, index) =>
        repository.updateUpload(id, { description: "x".repeat(index === 4 ? 200 : 10) }, { fence: 1 }),
      );
      const settled = await Promise.allSettled(writes);
      expect(settled[4]).toMatchObject({ status: "rejected", reason: { code: "23514" } });
      for (const [index, one] of settled.entries())
        if (index !== 4) expect(one).toEqual({ status: "fulfilled", value: "saved" });
    } finally {
      await pool.query(`alter table ${tables.uploads} drop constraint short`);
    }
  });

  test("each is fenced by itself", async () => {
    const [mine = "", lost = "", gone = ""] = await newUploads(3);
    await Promise.all([mine, lost, gone].map((id) => claim(id)));
    await pool.query(`update ${tables.uploads} set fence = 2 where id = $1`, [lost]);
    await pool.query(`delete from ${tables.uploads} where id = $1`, [gone]);
    const write = (id: string) => repository.updateUpload(id, { description: "a cat" }, { fence: 1, leaseMs: 1000 });
    expect(await Promise.all([mine, lost, gone].map(write))).toEqual(["saved", "stale", "deleted"]);
    expect(await repository.findUpload(lost)).toMatchObject({ description: null });
  });

  test("of two processes that claim the same uploads in opposite orders, each upload goes to one", async () => {
    const other = postgresRepository(pool, { tables });
    for (let round = 0; round < 5; round++) {
      const ids = await newUploads(300);
      const backwards = ids.toReversed();
      const [forth, back] = await Promise.all([
        Promise.all(ids.map((id) => claim(id))),
        Promise.all(backwards.map((id) => claim(id, other))),
      ]);
      const granted = [
        ...ids.filter((_, index) => forth[index]?.outcome === "claimed"),
        ...backwards.filter((_, index) => back[index]?.outcome === "claimed"),
      ];
      expect(granted.toSorted()).toEqual(ids.toSorted());
    }
  });
});
