import { randomUUID } from "node:crypto";
import { PGlite } from "@electric-sql/pglite";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { type PostgresClient, postgresRepository } from "../../src/adapters/postgres.js";
import { pending } from "../support/postgres.js";
import { SilentProxy } from "../support/silent-proxy.js";

const url = process.env.TEST_POSTGRES_URL;

/** Like a client of pg, but for the answers. */
function pgLike(listeners = 0, more: object = {}) {
  const queries: unknown[] = [];
  const client = {
    connect: () => {},
    listenerCount: () => listeners,
    totalCount: 0,
    query: async (...query: unknown[]) => {
      queries.push(query);
      return { rows: [] };
    },
    ...more,
  };
  return { client: client as PostgresClient, queries };
}

/** What is sent for each upload that is worked on. */
async function work(client: PostgresClient, options = {}) {
  const repository = postgresRepository(client, options);
  for (const id of ["1", "2"]) {
    await repository.findUpload(id);
    await repository.claimUpload(id, { leaseMs: 1000, token: id });
    await repository.updateUpload(id, {}, { fence: 1, leaseMs: 1000 });
    await repository.updateUpload(id, { status: "completed" }, { fence: 1 });
  }
}

describe("named statements", () => {
  test("are sent to clients of pg, few of them", async () => {
    const { client, queries } = pgLike();
    await work(client);
    const named = queries.flat() as { name: string; text: string; values: unknown[] }[];
    expect(named).toHaveLength(8);
    for (const query of named)
      expect(query).toEqual({
        name: expect.stringMatching(/^upload_processor_[0-9a-f]{32}$/),
        text: expect.any(String),
        values: expect.any(Array),
        query_timeout: expect.any(Number),
      });
    expect(new Set(named.map(({ name }) => name)).size).toBe(4);
    expect(new Set(named.map(({ text }) => text)).size).toBe(4);
    for (const { name } of named) expect(Buffer.byteLength(name)).toBeLessThan(64);
  });

  test("are the same in every process", async () => {
    const [one, other] = [pgLike(), pgLike()];
    await work(one.client);
    await work(other.client);
    expect(one.queries).toEqual(other.queries);
  });

  test.each([
    [
      "prepare: false",
      pgLike(),
      { prepare: false },
      [{ text: expect.any(String), values: expect.any(Array), query_timeout: 35_000 }],
    ],
    ["a client that is none of pg", pgLike(0, { connect: undefined }), {}, [expect.any(String), expect.any(Array)]],
  ])("are not sent with %s", async (_, { client, queries }, options, sent) => {
    await work(client, options);
    expect(queries).toHaveLength(8);
    for (const query of queries) expect(query).toEqual(sent);
  });

  test("are not sent to PGlite, unless it is asked for", async () => {
    const queries: unknown[] = [];
    const database = await PGlite.create();
    const spied = new Proxy(database, {
      get: (target, member) =>
        member === "query"
          ? (...query: [string, unknown[]]) => {
              queries.push(query[0]);
              return target.query(...query);
            }
          : Reflect.get(target, member),
    });
    await postgresRepository(spied).migrate();
    await work(spied);
    for (const query of queries) expect(query).toEqual(expect.any(String));
    await database.close();
    const { client, queries: forced } = pgLike(0, { connect: undefined });
    await work(client, { prepare: true });
    expect(forced).toContainEqual([expect.objectContaining({ name: expect.any(String) })]);
  });

  test("are at most 100, whatever is written", async () => {
    const { client, queries } = pgLike();
    const repository = postgresRepository(client);
    for (let limit = 1; limit <= 150; limit++) await repository.listUploads({ all: true }, { limit });
    const named = (queries.flat() as { name?: string }[]).filter(({ name }) => name !== undefined);
    expect(named).toHaveLength(100);
  });
});

describe("a connection that died without a word", () => {
  test("is given up by pg, but not while a statement is at work on many rows", async () => {
    const { client, queries } = pgLike();
    const repository = postgresRepository(client);
    await repository.addUploads([pending("1")]);
    await repository.listUploads({ all: true }, { limit: 1 });
    await repository.countUploads({ all: true });
    await repository.deleteUpload("1");
    for (const query of queries.splice(0)) expect(query).toEqual([expect.objectContaining({ query_timeout: 35_000 })]);
    await repository.migrate();
    for (const how of ["retry", "reprocess", "reprocess-all", "undo"] as const)
      await repository.resetUploads({ all: true }, how, "redo");
    for (const query of queries) expect(query).toEqual([expect.any(String), expect.any(Array)]);
  });

  test.skipIf(url === undefined)("gives its place in the pool to another one (TEST_POSTGRES_URL)", async () => {
    const proxy = await SilentProxy.start(String(url));
    const pool = new pg.Pool({ connectionString: proxy.through(String(url)), max: 1 });
    pool.on("error", () => {});
    const schema = `silent_${randomUUID().slice(0, 8)}`;
    const repository = postgresRepository(pool, { tables: { uploads: `${schema}.u`, batches: `${schema}.b` } });
    await pool.query(`create schema ${schema}`);
    await repository.migrate();
    await repository.addUploads([pending("1")]);
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    try {
      proxy.silence();
      const unanswered = expect(repository.findUpload("1")).rejects.toThrow("Query read timeout");
      while (proxy.swallowed === 0) await new Promise((resolve) => setImmediate(resolve));
      await vi.advanceTimersByTimeAsync(35_000);
      await unanswered;
      expect(await repository.findUpload("1")).toMatchObject({ id: "1" });
    } finally {
      vi.useRealTimers();
      await pool.query(`drop schema ${schema} cascade`);
      await pool.end();
      await proxy.stop();
    }
  });
});

describe("a pool without a listener for errors", () => {
  const logger = () => ({ debug: vi.fn(), info: vi.fn(), warn: vi.fn(), error: vi.fn() });

  test("is told to the logger, once", async () => {
    const log = logger();
    await work(pgLike().client, { logger: log });
    expect(log.warn.mock.calls).toEqual([[{}, expect.stringContaining('pool.on("error"')]]);
  });

  test.each([
    ["there is a listener", pgLike(1)],
    ["the client is no pool", pgLike(0, { totalCount: undefined })],
    ["the client is no emitter", pgLike(0, { listenerCount: undefined })],
  ])("is not told where %s", async (_, { client }) => {
    const log = logger();
    await work(client, { logger: log });
    expect(log.warn).not.toHaveBeenCalled();
  });

  test("is looked for at the first statement: a listener may be added after the repository is made", async () => {
    const log = logger();
    const pool = new pg.Pool({ connectionString: "postgres://nobody@127.0.0.1:1/none" });
    const repository = postgresRepository(pool, { logger: log });
    pool.on("error", () => {});
    await expect(repository.findUpload("1")).rejects.toThrow();
    expect(log.warn).not.toHaveBeenCalled();
    await pool.end();
  });

  test("may be told to a logger that fails", async () => {
    const throwing = {
      ...logger(),
      warn: vi.fn(() => {
        throw new Error("disk full");
      }),
    };
    const rejecting = { ...logger(), warn: vi.fn(() => Promise.reject(new Error("disk full"))) };
    for (const log of [throwing, rejecting]) {
      await work(pgLike().client, { logger: log });
      expect(log.warn).toHaveBeenCalledOnce();
    }
  });
});

describe("parsers of the user's own", () => {
  const upload = {
    ...pending("1"),
    fileSize: 5_000_000_000,
    starts: 2,
    metadata: { media: { width: 1 } },
    embedding: [1, 2, 3],
    draft: { was: "completed", redo: "redo" } as const,
  };

  async function roundTrip(client: PostgresClient, options = {}) {
    const repository = postgresRepository(client, options);
    await repository.migrate();
    await repository.addUploads([upload, { ...pending("2"), embedding: [1, 0, 0] }]);
    const before = Date.now();
    const found = await repository.findUpload("1");
    expect(found).toMatchObject({ ...upload, status: "pending" });
    expect(found?.sequence).toBe(1);
    expect(found?.createdAt).toBeInstanceOf(Date);
    expect(Math.abs(before - Number(found?.createdAt))).toBeLessThan(60_000);
    expect(await repository.claimUpload("1", { leaseMs: 60_000, token: "t" })).toMatchObject({
      fence: 1,
      upload: { starts: 3 },
    });
    const busy = await repository.claimUpload("1", { leaseMs: 60_000, token: "u" });
    expect(busy).toEqual({ outcome: "busy", retryAfterMs: expect.any(Number) });
    expect(await repository.countUploads({ all: true })).toEqual({ analyzing: 1, pending: 1 });
    const [first] = await repository.listUploads({ all: true }, { limit: 1 });
    const rest = await repository.listUploads({ all: true }, first ? { after: first, limit: 5 } : { limit: 5 });
    expect(rest.map(({ id }) => id)).toEqual(["2"]);
    const [best] = await repository.findSimilar([1, 2, 3], { limit: 1 });
    expect(best).toMatchObject({ upload: { id: "1" }, similarity: expect.closeTo(1, 5) });
    await repository.updateUpload("2", { status: "failed" });
    expect(await repository.resetUploads({ all: true }, "retry", "redo-2")).toBe(1);
  }

  test("of PGlite are harmless", async () => {
    const strange = (text: string) => ({ strange: text });
    const types = [16, 20, 21, 23, 114, 700, 701, 1114, 1184, 1700, 3802, 1021];
    const parsers = Object.fromEntries(types.map((type) => [type, strange]));
    const database = await PGlite.create({ parsers });
    expect((await database.query("select 1::bigint as big")).rows).toEqual([{ big: { strange: "1" } }]);
    await roundTrip(database);
    await database.close();
  });

  describe.skipIf(url === undefined)("of a Pool (TEST_POSTGRES_URL)", () => {
    const schema = `parsers_${randomUUID().slice(0, 8)}`;
    const plain = new pg.Pool({ connectionString: url, max: 1 });
    beforeAll(() => plain.query(`create schema ${schema}`));
    afterAll(async () => {
      await plain.query(`drop schema ${schema} cascade`);
      await plain.end();
    });

    test.each<[string, (oid: number) => (text: string) => unknown]>([
      ["numbers as BigInt", (oid) => (oid === 20 || oid === 23 ? BigInt : (text) => text)],
      ["all as objects of their own", (oid) => (oid === 25 ? (text) => text : (text) => ({ strange: text }))],
    ])("are harmless: %s", async (name, parserOf) => {
      const tables = { uploads: `${schema}.uploads_${name.length}`, batches: `${schema}.batches_${name.length}` };
      // The types of pg say "any" where it hands over a parser.
      const types = { getTypeParser: parserOf } as unknown as pg.CustomTypesConfig;
      const pool = new pg.Pool({ connectionString: url, max: 2, types });
      await roundTrip(pool, { tables });
      await pool.end();
    });
  });
});
