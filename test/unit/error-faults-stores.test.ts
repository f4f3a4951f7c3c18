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
  mariadbError,
  mysqlError,
  pgError,
  prismaAdapterError,
  prismaError,
  prismaRawError,
  prismaUnknownError,
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
  ["pg: cannot be serialized", pgError("40001", "could not serialize access"), "REPOSITORY_FAILED service again"],
  ["pg: starts", pgError("57P03", "the database system is starting up"), "REPOSITORY_FAILED service again"],
  ["pg: locked", pgError("55P03", "canceling statement due to lock timeout"), "REPOSITORY_FAILED service again"],
  [
    "pg: two rows for a trigger",
    pgError("21000", "more than one row returned by a subquery"),
    "RESULT_REFUSED upload once",
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

const REFUSED = "RESULT_REFUSED upload once";
const PASSES = "REPOSITORY_FAILED service again";
const DEPLOYMENT = "INVALID_CONFIGURATION deployment once";

/** By its number, for its SQLSTATE does not tell. As MariaDB 10.11 and MySQL 8 answered. */
const MYSQL: readonly (readonly [errno: number, code: string, sqlState: string, message: string, verdict: string])[] = [
  [1265, "WARN_DATA_TRUNCATED", "01000", "Data truncated for column 'description' at row 1", REFUSED],
  [1644, "ER_SIGNAL_EXCEPTION", "45000", "no bad words", REFUSED],
  [1644, "ER_SIGNAL_EXCEPTION", "99999", "no bad words", REFUSED],
  [1644, "ER_SIGNAL_EXCEPTION", "12345", "no bad words", REFUSED],
  [1644, "ER_SIGNAL_EXCEPTION", "ERR0R", "no bad words", REFUSED],
  [1644, "ER_SIGNAL_EXCEPTION", "HY000", "no bad words", REFUSED],
  [1644, "ER_SIGNAL_EXCEPTION", "42000", "no bad words", REFUSED],
  [1644, "ER_SIGNAL_EXCEPTION", "08001", "no bad words", REFUSED],
  [1643, "ER_SIGNAL_NOT_FOUND", "02000", "no bad words", REFUSED],
  [1242, "ER_SUBQUERY_NO_1_ROW", "21000", "Subquery returns more than 1 row", REFUSED],
  [1364, "ER_NO_DEFAULT_FOR_FIELD", "HY000", "Field 'n' doesn't have a default value", REFUSED],
  [1366, "ER_TRUNCATED_WRONG_VALUE_FOR_FIELD", "HY000", "Incorrect string value", REFUSED],
  [1369, "ER_VIEW_CHECK_FAILED", "HY000", "CHECK OPTION failed", REFUSED],
  [3819, "ER_CHECK_CONSTRAINT_VIOLATED", "HY000", "Check constraint 'short' is violated.", REFUSED],
  [4025, "ER_CONSTRAINT_FAILED", "23000", "CONSTRAINT `short` failed", REFUSED],
  [1118, "ER_TOO_BIG_ROWSIZE", "42000", "Row size too large (> 8126)", REFUSED],
  [1153, "ER_NET_PACKET_TOO_LARGE", "08S01", "Got a packet bigger than 'max_allowed_packet' bytes", REFUSED],
  [1040, "ER_CON_COUNT_ERROR", "08004", "Too many connections", PASSES],
  [1203, "ER_TOO_MANY_USER_CONNECTIONS", "42000", "User app already has more than 'max_user_connections'", PASSES],
  [1226, "ER_USER_LIMIT_REACHED", "42000", "User 'app' has exceeded the 'max_user_connections' resource", PASSES],
  [1461, "ER_MAX_PREPARED_STMT_COUNT_REACHED", "42000", "Can't create more than max_prepared_stmt_count", PASSES],
  [1205, "ER_LOCK_WAIT_TIMEOUT", "HY000", "Lock wait timeout exceeded", PASSES],
  [1213, "ER_LOCK_DEADLOCK", "40001", "Deadlock found when trying to get lock", PASSES],
  [1020, "ER_CHECKREAD", "HY000", "Record has changed since last read in table 'uploads'", PASSES],
  [1290, "ER_OPTION_PREVENTS_STATEMENT", "HY000", "The server is running with the --read-only option", PASSES],
  [1969, "ER_STATEMENT_TIMEOUT", "70100", "Query execution was interrupted", PASSES],
  [1045, "ER_ACCESS_DENIED_ERROR", "28000", "Access denied for user 'app'", DEPLOYMENT],
  [1054, "ER_BAD_FIELD_ERROR", "42S22", "Unknown column 'draft' in 'SET'", DEPLOYMENT],
  [1064, "ER_PARSE_ERROR", "42000", "You have an error in your SQL syntax", DEPLOYMENT],
  [1146, "ER_NO_SUCH_TABLE", "42S02", "Table 'app.audit_log' doesn't exist", DEPLOYMENT],
  [1442, "ER_CANT_UPDATE_USED_TABLE_IN_SF_OR_TRG", "HY000", "Can't update table 'uploads' in trigger", DEPLOYMENT],
];

/** Errors of a database as others hand them on. */
const WRAPPED: readonly (readonly [name: string, wrap: (code: string, error: Error) => unknown])[] = [
  ["Drizzle", (_, error) => drizzleError(error)],
  ["TypeORM", (_, driverError) => Object.assign(new Error("x"), { query: "", parameters: [], driverError })],
  ["Sequelize", (_, original) => Object.assign(new Error("x"), { name: "SequelizeDatabaseError", original })],
  ["Objection", (_, nativeError) => Object.assign(new Error("x"), { name: "DBError", nativeError })],
  ["the user", (_, cause) => new Error("could not save", { cause: new Error("no", { cause }) })],
  ["Prisma, raw", (code) => prismaRawError(code, "the reason")],
  ["Prisma with an adapter", (code) => prismaAdapterError(code, "the reason")],
  [
    "Prisma, unknown",
    (code) =>
      prismaUnknownError(
        /^\d{4}$/.test(code)
          ? `Server(MysqlError { code: ${code}, message: "the reason", state: "HY000" })`
          : `PostgresError { code: "${code}", message: "the reason", severity: "ERROR", detail: Some("Failing row contains (a).") }`,
      ),
  ],
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
    "Unable to acquire a connection",
  ].map((message): Row => [message, new Error(message), "INVALID_CONFIGURATION deployment once"]),
  [
    "postgres.js",
    Object.assign(new Error("write CONNECTION_ENDED 127.0.0.1:5432"), { code: "CONNECTION_ENDED" }),
    "INVALID_CONFIGURATION deployment once",
  ],
  [
    "the client of MariaDB",
    mariadbError(45027, "ER_POOL_ALREADY_CLOSED", "HY000", "pool is closed"),
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
    "Knex: Timeout acquiring a connection. The pool is probably full.",
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

describe("MySQL and MariaDB", () => {
  const verdict = (thrown: unknown) => verdictOf(classifyError(thrown, "save", "REPOSITORY_FAILED"));

  test.each(MYSQL)("%i %s %s: %s", (errno, code, sqlState, message, expected) => {
    for (const make of [mysqlError, mariadbError]) {
      const thrown = make(errno, code, sqlState, message);
      expect(verdict(thrown)).toBe(expected);
      expect(isRefusal(thrown)).toBe(expected === REFUSED);
    }
  });

  test("an error of the system has a number as well", () => {
    const thrown = Object.assign(new Error("read"), { errno: 1265, code: "EIO", syscall: "read" });
    expect(verdict(thrown)).toBe(PASSES);
  });

  test.each(WRAPPED)("within an error of %s", (_, wrap) => {
    const said = (errno: number, code: string, sqlState: string) => {
      const thrown = wrap(String(errno), mariadbError(errno, code, sqlState, "the reason"));
      return `${verdict(thrown)}: ${classifyError(thrown, "save", "REPOSITORY_FAILED").message}`;
    };
    expect(said(1265, "WARN_DATA_TRUNCATED", "01000")).toBe(`${REFUSED}: the reason`);
    expect(said(1644, "ER_SIGNAL_EXCEPTION", "ERR0R")).toBe(`${REFUSED}: the reason`);
    expect(said(1226, "ER_USER_LIMIT_REACHED", "42000")).toBe(`${PASSES}: the reason`);
    expect(said(1442, "ER_CANT_UPDATE_USED_TABLE_IN_SF_OR_TRG", "HY000")).toBe(`${DEPLOYMENT}: the reason`);
  });
});

test.each(WRAPPED)("an error of PostgreSQL within one of %s", (_, wrap) => {
  const said = (code: string) => {
    const error = classifyError(wrap(code, pgError(code, "the reason")), "save", "REPOSITORY_FAILED");
    return `${verdictOf(error)}: ${error.message}`;
  };
  expect(said("23514")).toBe(`${REFUSED}: the reason`);
  expect(said("21000")).toBe(`${REFUSED}: the reason`);
  expect(said("53300")).toBe(`${PASSES}: the reason`);
  expect(said("42703")).toBe(`${DEPLOYMENT}: the reason`);
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
