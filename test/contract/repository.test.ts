import { randomUUID } from "node:crypto";
import { PGlite } from "@electric-sql/pglite";
import { vector } from "@electric-sql/pglite-pgvector";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type MemoryRepository, memoryRepository } from "../../src/adapters/memory.js";
import { type PostgresClient, type PostgresRepository, postgresRepository } from "../../src/adapters/postgres.js";
import { type RepositoryContractOptions, testRepositoryContract } from "../../src/testing/index.js";

const url = process.env.TEST_POSTGRES_URL;

describe("memoryRepository", () => {
  testLeftovers(() => memoryRepository());
  testRepositoryContract({
    test,
    create: () => {
      let now = 1_000_000;
      const repository = memoryRepository({ now: () => now });
      const advance = (ms: number) => {
        now += ms;
      };
      return { ...repository, repository, advance };
    },
  });
});

describe("postgresRepository on PGlite with pgvector", () => {
  contractOf(
    async () => {
      const database = await PGlite.create({ extensions: { vector } });
      return { client: database, column: /^vector\(8\)$/, options: { dimensions: 8 }, close: () => database.close() };
    },
    { ownClock: false, dimensions: 8 },
  );
});

describe("postgresRepository on PGlite without pgvector", () => {
  contractOf(
    async () => {
      const database = await PGlite.create();
      return {
        client: database,
        column: /^real\[\]$/,
        options: { coalesce: false },
        close: () => database.close(),
      };
    },
    { ownClock: false },
  );
});

describe("postgresRepository on PGlite, its calls sent together", () => {
  contractOf(
    async () => {
      const database = await PGlite.create();
      return { client: database, column: /^real\[\]$/, options: {}, close: () => database.close() };
    },
    { ownClock: false },
    inCompany,
  );
});

describe.skipIf(url === undefined).each([
  ["postgresRepository on a Pool (TEST_POSTGRES_URL)", false],
  ["postgresRepository on a Pool, its calls sent together (TEST_POSTGRES_URL)", true],
])("%s", (_, coalesce) => {
  contractOf(async () => {
    const pool = new pg.Pool({ connectionString: url, max: 10 });
    const schema = `contract_${randomUUID().slice(0, 8)}`;
    await pool.query(`create schema ${schema}`);
    return {
      client: pool,
      column: /^(vector|real\[\])$/,
      options: { coalesce, tables: { uploads: `${schema}.uploads`, batches: `${schema}.batches` } },
      close: async () => {
        await pool.query(`drop schema ${schema} cascade`);
        await pool.end();
      },
    };
  });
});

/** Left to the repository by the contract, which takes one that keeps none. */
function testLeftovers(create: () => PostgresRepository | MemoryRepository): void {
  test("a draft that is replaced leaves the keys of its pictures", async () => {
    const repository = create();
    const id = randomUUID();
    const media = { renditions: { large: { key: "large.webp" }, none: null } };
    const draft = { was: "completed", redo: "1", thumbnailKey: "new.jpg", metadata: { media } } as const;
    const leftovers = ["older.jpg"];
    await repository.addUploads([
      { id, storageKey: "a.jpg", status: "completed", thumbnailKey: "old.jpg", draft: { ...draft, leftovers } },
    ]);
    await repository.resetUploads({ ids: [id] }, "reprocess-all", "2");
    const { draft: next } = (await repository.findUpload(id)) ?? {};
    expect([...(next?.leftovers ?? [])].sort()).toEqual(["large.webp", "new.jpg", "older.jpg"]);
  });
}

interface Database {
  readonly client: PostgresClient;
  readonly options: Parameters<typeof postgresRepository>[1];
  readonly column: RegExp;
  readonly close: () => Promise<void>;
}

/** All tests of a variant share one database, for PGlite takes two seconds to start, and run at once, for many of them wait. */
function contractOf(
  open: () => Promise<Database>,
  contract: Pick<RepositoryContractOptions, "ownClock" | "dimensions"> = {},
  use = (repository: PostgresRepository) => repository,
): void {
  let database: Database;
  let repository: PostgresRepository;
  beforeAll(async () => {
    database = await open();
    repository = use(postgresRepository(database.client, database.options));
    await repository.migrate();
  });
  afterAll(() => database?.close());

  test("the embedding has the column that this variant is about", async () => {
    const { tables } = database.options ?? {};
    const { rows } = await database.client.query(
      "select format_type(atttypid, atttypmod) as type from pg_attribute where attrelid = to_regclass($1) and attname = 'embedding'",
      [tables?.uploads ?? "upload_processor_uploads"],
    );
    expect(rows).toEqual([{ type: expect.stringMatching(database.column) }]);
  });

  testRepositoryContract({ test: test.concurrent, create: () => ({ ...repository, repository }), ...contract });
  testLeftovers(() => repository);
}

/** Every claim and every write is sent together with one of an upload that does not exist: one alone has a statement of its own. */
function inCompany(repository: PostgresRepository): PostgresRepository {
  return {
    ...repository,
    async claimUpload(id, request) {
      const answer = repository.claimUpload(id, request);
      await Promise.allSettled([answer, repository.claimUpload("nobody's", request)]);
      return answer;
    },
    async updateUpload(id, changes, claim) {
      const answer = repository.updateUpload(id, changes, claim);
      await Promise.allSettled([answer, repository.updateUpload("nobody's", changes, claim)]);
      return answer;
    },
  };
}
