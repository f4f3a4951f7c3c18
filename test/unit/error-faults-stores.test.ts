import { PGlite } from "@electric-sql/pglite";
import pg from "pg";
import { createClient } from "redis";
import { describe, expect, test } from "vitest";
import { postgresRepository } from "../../src/adapters/postgres.js";
import { ConfigurationError, classifyError, isRefusal, UploadError } from "../../src/errors.js";
import { BatchProcessor } from "../../src/index.js";
import { worldOf } from "../support/fakes.js";
import {
  awsError,
  drizzleError,
  pgError,
  prismaError,
  refusedConnection,
  sqliteError,
  verdictOf,
} from "../support/service-errors.js";

type Row = readonly [name: string, thrown: unknown, verdict: string];

const STORAGES: readonly Row[] = [
  [
    "S3: SlowDown",
    awsError("SlowDown", 503, "Please reduce your request rate.", { "retry-after": "2" }),
    "STORAGE_FAILED service again",
  ],
  ["S3: RequestTimeout", awsError("RequestTimeout", 400, "idle"), "STORAGE_FAILED service again"],
  ["S3: ExpiredToken", awsError("ExpiredToken", 400, "expired"), "STORAGE_FAILED service again"],
  ["S3: AccessDenied is this object's", awsError("AccessDenied", 403, "Access Denied"), "STORAGE_FAILED upload once"],
  ["S3: NotFound", awsError("NotFound", 404, "UnknownError"), "STORAGE_FAILED upload once"],
  ["S3: InvalidObjectState", awsError("InvalidObjectState", 403, "archived"), "STORAGE_FAILED upload once"],
  [
    "S3: NoSuchBucket",
    awsError("NoSuchBucket", 404, "The specified bucket does not exist"),
    "INVALID_CONFIGURATION deployment once",
  ],
  [
    "a full disk",
    Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" }),
    "STORAGE_FAILED service again",
  ],
  ["an error that tells nothing", new Error("boom"), "STORAGE_FAILED upload again"],
  ["bad JSON", new SyntaxError("x"), "STORAGE_FAILED upload once"],
];

const REPOSITORIES: readonly Row[] = [
  ["pg: cannot connect", refusedConnection("127.0.0.1:5432"), "REPOSITORY_FAILED service again"],
  [
    "pg: shut down",
    pgError("57P01", "terminating connection due to administrator command"),
    "REPOSITORY_FAILED service again",
  ],
  ["pg: deadlock", pgError("40P01", "deadlock detected"), "REPOSITORY_FAILED service again"],
  ["pg: too many connections", pgError("53300", "sorry, too many clients already"), "REPOSITORY_FAILED service again"],
  ["an error that tells nothing", new Error("boom"), "REPOSITORY_FAILED service again"],
  ["pg: too long", pgError("22001", "value too long for type character varying(10)"), "RESULT_REFUSED upload once"],
  ["pg: no such value", pgError("22P02", "invalid input syntax for type uuid"), "RESULT_REFUSED upload once"],
  ["pg: no such text", pgError("22P05", "unsupported Unicode escape sequence"), "RESULT_REFUSED upload once"],
  ["pg: out of range", pgError("22003", "integer out of range"), "RESULT_REFUSED upload once"],
  ["pg: check", pgError("23514", "new row violates check constraint"), "RESULT_REFUSED upload once"],
  ["pg: a trigger", pgError("P0001", "not here"), "RESULT_REFUSED upload once"],
  ["pg: a trigger, by a code of its own", pgError("UP001", "not here"), "RESULT_REFUSED upload once"],
  ["pg: too long for an index", pgError("54000", "index row size 2712 exceeds"), "RESULT_REFUSED upload once"],
  ["pg: the check of a view", pgError("44000", "new row violates check option"), "RESULT_REFUSED upload once"],
  ["pg: read only, as a standby is", pgError("25006", "cannot execute UPDATE"), "REPOSITORY_FAILED service again"],
  ["pg: an error within it", pgError("XX000", "unexpected chunk number"), "REPOSITORY_FAILED service again"],
  ["Drizzle: check", drizzleError(pgError("23514", "new row violates check constraint")), "RESULT_REFUSED upload once"],
  ["Drizzle: cannot connect", drizzleError(refusedConnection("127.0.0.1:5432")), "REPOSITORY_FAILED service again"],
  ["Prisma: too long", prismaError("P2000", "The provided value is too long"), "RESULT_REFUSED upload once"],
  ["Prisma: cannot connect", prismaError("P1001", "Can't reach database server"), "REPOSITORY_FAILED service again"],
  [
    "Prisma: no such column",
    prismaError("P2022", "The column does not exist"),
    "INVALID_CONFIGURATION deployment once",
  ],
  [
    "MySQL: too long",
    Object.assign(new Error("Data too long"), { code: "ER_DATA_TOO_LONG", sqlState: "22001" }),
    "RESULT_REFUSED upload once",
  ],
  [
    "MySQL: a trigger",
    Object.assign(new Error("not here"), { code: "ER_SIGNAL_EXCEPTION", sqlState: "45000" }),
    "RESULT_REFUSED upload once",
  ],
  [
    "better-sqlite3: check",
    Object.assign(new Error("CHECK constraint failed"), { code: "SQLITE_CONSTRAINT_CHECK" }),
    "RESULT_REFUSED upload once",
  ],
  [
    "better-sqlite3: locked",
    Object.assign(new Error("database is locked"), { code: "SQLITE_BUSY" }),
    "REPOSITORY_FAILED service again",
  ],
  ["node:sqlite: a trigger", sqliteError(1811, "not here"), "RESULT_REFUSED upload once"],
  ["node:sqlite: too big", sqliteError(18, "string or blob too big"), "RESULT_REFUSED upload once"],
  ["node:sqlite: locked", sqliteError(5, "database is locked"), "REPOSITORY_FAILED service again"],
  ["node:sqlite: no such column", sqliteError(1, "no such column: draft"), "INVALID_CONFIGURATION deployment once"],
  ["its own word", Object.assign(new Error("no"), { retryable: false }), "RESULT_REFUSED upload once"],
  ["pg: no such column", pgError("42703", 'column "draft" does not exist'), "INVALID_CONFIGURATION deployment once"],
  [
    "Drizzle: no such column",
    drizzleError(pgError("42703", 'column "draft" does not exist')),
    "INVALID_CONFIGURATION deployment once",
  ],
  ["pg: no such database", pgError("3D000", 'database "x" does not exist'), "INVALID_CONFIGURATION deployment once"],
  ["pg: password", pgError("28P01", "password authentication failed"), "INVALID_CONFIGURATION deployment once"],
];

/** What the program itself has ended, and connections that broke. */
const ENDED: readonly Row[] = [
  ...[
    "Cannot use a pool after calling end on the pool",
    "Client was closed and is not queryable",
    "PGlite is closed",
    "PGlite is closing",
    "Pool is closed.",
    "The database connection is not open",
    "database is not open",
    "The client is closed",
    "driver has already been destroyed",
  ].map((message): Row => [message, new Error(message), "INVALID_CONFIGURATION deployment once"]),
  [
    "postgres.js",
    Object.assign(new Error("write CONNECTION_ENDED 127.0.0.1:5432"), { code: "CONNECTION_ENDED" }),
    "INVALID_CONFIGURATION deployment once",
  ],
  [
    "within the error of Drizzle",
    drizzleError(new Error("Cannot use a pool after calling end on the pool")),
    "INVALID_CONFIGURATION deployment once",
  ],
  ...[
    "Connection terminated",
    "Connection terminated unexpectedly",
    "Client has encountered a connection error and is not queryable",
    "Connection is closed.",
    "Socket closed unexpectedly",
    "Can't add new command when connection is in closed state",
  ].map((message): Row => [message, new Error(message), "REPOSITORY_FAILED service again"]),
];

describe("a connection that the program has ended, and one that broke", () => {
  test.each(ENDED)("%s", (_, thrown, verdict) => {
    expect(verdictOf(classifyError(thrown, "save", "REPOSITORY_FAILED"))).toBe(verdict);
  });

  test("the clients that are installed say it in these words", async () => {
    const pool = new pg.Pool();
    await pool.end();
    const client = new pg.Client();
    await client.end();
    const lite = await PGlite.create();
    await lite.close();
    const redis = createClient({ url: "redis://127.0.0.1:1" });
    for (const query of [
      () => pool.query("select 1"),
      () => client.query("select 1"),
      () => lite.query("select 1"),
      () => redis.get("a"),
    ]) {
      const thrown = await query().catch((error: unknown) => error);
      expect(verdictOf(classifyError(thrown, "save", "REPOSITORY_FAILED"))).toBe(
        "INVALID_CONFIGURATION deployment once",
      );
    }
  }, 120_000);

  test("a run whose pool was ended is over at once", async () => {
    const pool = new pg.Pool();
    await pool.end();
    const world = { ...worldOf([]), repository: postgresRepository(pool) };
    await expect(new BatchProcessor(world).process("batch")).rejects.toThrow(
      "Batch batch could not be read: Cannot use a pool after calling end on the pool",
    );
  });
});

describe("a storage", () => {
  test.each(STORAGES)("%s", (_, thrown, verdict) => {
    expect(verdictOf(classifyError(thrown, "open", "STORAGE_FAILED"))).toBe(verdict);
  });
});

describe("a repository", () => {
  test.each(REPOSITORIES)("%s", (_, thrown, verdict) => {
    expect(verdictOf(classifyError(thrown, "save", "REPOSITORY_FAILED"))).toBe(verdict);
  });
});

describe("a refused value", () => {
  test.each<[string, unknown, boolean]>([
    ["pg: too long", pgError("22001", "value too long"), true],
    ["Drizzle: unique", drizzleError(pgError("23505", "duplicate key")), true],
    ["Prisma: unique", prismaError("P2002", "Unique constraint failed"), true],
    ["its own word", { retryable: false, message: "no" }, true],
    ["by code", new UploadError("no", { code: "RESULT_REFUSED" }), true],
    ["another's word", Object.assign(new Error("no"), { code: "RESULT_REFUSED" }), true],
    ["pg: no such column", pgError("42703", "no such column"), false],
    ["pg: shut down", pgError("57P01", "terminating"), false],
    ["a connection", refusedConnection("127.0.0.1:5432"), false],
    ["misuse", new ConfigurationError("no"), false],
    ["an error that tells nothing", new Error("boom"), false],
    ["nothing", undefined, false],
  ])("%s", (_, thrown, refused) => {
    expect(isRefusal(thrown)).toBe(refused);
  });
});
