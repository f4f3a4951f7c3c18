import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, test } from "vitest";
import { classifyError, messageOf, UploadError, usageOf } from "../../src/errors.js";
import {
  apiCallError,
  awsError,
  drizzleError,
  knexError,
  mariadbError,
  pgError,
  prismaError,
  prismaRawError,
  prismaUnknownError,
  refusedConnection,
  refusedLocalhost,
  retryError,
  verdictOf,
} from "../support/service-errors.js";

const describing = (thrown: unknown) => classifyError(thrown, "describe", "DESCRIBE_FAILED");

describe("hints", () => {
  const wait = (thrown: unknown) => describing(thrown).retryAfterMs;

  test.each<[string, unknown, number]>([
    ["retry-after-ms before Retry-After", { headers: { "Retry-After": "9", "retry-after-ms": "1500" } }, 1500],
    ["responseHeaders", apiCallError(429, "slow", { responseHeaders: { "Retry-After-Ms": "20" } }), 20],
    ["$response.headers", awsError("SlowDown", 503, "slow", { "retry-after": "2" }), 2000],
    ["response.headers", { response: { headers: new Headers({ "retry-after": "4" }) } }, 4000],
    ["a Map whose names have capitals", { headers: new Map([["Retry-After", "5"]]) }, 5000],
    ["of the last error", retryError(apiCallError(429, "slow", { responseHeaders: { "retry-after": "6" } })), 6000],
    ["of a cause", new Error("x", { cause: { retryAfterMs: 7 } }), 7],
  ])("%s", (_, thrown, ms) => {
    expect(wait(thrown)).toBe(ms);
  });
});

describe("messages", () => {
  const nested = new Error("a", { cause: new Error("b", { cause: new Error("c") }) });
  const round = new Error("round");
  round.cause = new Error("and back", { cause: round });

  test.each<[string, unknown, string]>([
    [
      "fetch",
      new TypeError("fetch failed", { cause: refusedConnection("127.0.0.1:11434") }),
      "fetch failed: connect ECONNREFUSED 127.0.0.1:11434",
    ],
    [
      "localhost",
      new TypeError("fetch failed", { cause: refusedLocalhost(11434) }),
      "fetch failed: connect ECONNREFUSED ::1:11434; connect ECONNREFUSED 127.0.0.1:11434",
    ],
    ["an empty AggregateError", refusedLocalhost(80), "connect ECONNREFUSED ::1:80; connect ECONNREFUSED 127.0.0.1:80"],
    [
      "an AggregateError of nothing",
      Object.assign(new AggregateError([], ""), { code: "ECONNREFUSED" }),
      "ECONNREFUSED",
    ],
    ["the innermost cause", nested, "a: c"],
    ["a cause that is a text", new Error("a", { cause: "why" }), "a: why"],
    ["a full stop", new Error("Connection error.", { cause: new Error("why") }), "Connection error: why"],
    ["a cause that is told already", new Error("no: why", { cause: new Error("why") }), "no: why"],
    ["a cause that tells all", new Error("why", { cause: new Error("no: why") }), "no: why"],
    ["the AI SDK's last error", retryError(apiCallError(503, "busy")), "Failed after 1 attempts. Last error: busy"],
    ["round and round", round, "round: and back"],
    [
      "a cause that is an UploadError",
      new Error("a", { cause: new UploadError("b", { code: "X", cause: new Error("c") }) }),
      "a: b",
    ],
    ["an UploadError", new UploadError("own", { code: "X", cause: new Error("c") }), "own"],
    [
      "a constraint, over Drizzle",
      drizzleError(pgError("23514", 'violates check constraint "short"')),
      'violates check constraint "short"',
    ],
    [
      "no connection, over Drizzle",
      drizzleError(refusedConnection("127.0.0.1:5432")),
      "connect ECONNREFUSED 127.0.0.1:5432",
    ],
    [
      "over Prisma",
      prismaError("P2000", "The value is too long for the column"),
      "The value is too long for the column",
    ],
    ["over Knex", knexError("22001", "value too long"), "value too long"],
    ["S3 without a body", awsError("NotFound", 404, "UnknownError"), "NotFound"],
    ["parameters that are no query's", new Error("Invalid params: width"), "Invalid params: width"],
  ])("%s", (_, thrown, message) => {
    expect(messageOf(thrown)).toBe(message);
  });

  test("never a query's parameters, whatever else went wrong", () => {
    const wrapped = [
      drizzleError(new Error("")),
      new Error("could not save", { cause: drizzleError(new Error("")) }),
      new AggregateError([drizzleError(new Error("gone"))], "all failed"),
      new Error('select 1\nparams: ["a private description"]'),
      new Error(`could not save: ${drizzleError(new Error("")).message}`),
    ];
    for (const thrown of wrapped) expect(describing(thrown).message).not.toMatch(/private/);
  });

  test("the reason stands behind parameters of any length", () => {
    const long = "a private - description ".repeat(5_000);
    const reason = "Data too long for column 'description'";
    const knex = `update "uploads" set "description" = '${long}' where "id" = 'u1' - ${reason}`;
    const mariadb = mariadbError(1406, "ER_DATA_TOO_LONG", "22001", reason);
    const said = `(conn:928, no: 1406, SQLState: 22001) ${reason}`;
    const row = `Some("Failing row contains (${long}).")`;
    const unknown = `PostgresError { code: "23514", message: "${reason}", severity: "ERROR", detail: ${row} }`;
    for (const [thrown, message] of [
      [new Error(knex), reason],
      [Object.assign(new Error(knex), { code: "22001" }), reason],
      [Object.assign(new Error(`(${knex.replace("update", "select")}`), { code: "22001" }), reason],
      [Object.assign(new Error(`a statement of ${knex}`), { sqlState: "22001", sqlMessage: reason }), reason],
      [mariadb, reason],
      [new Error(mariadb.message), said],
      [new Error(`${said}\nsql: update uploads set description = ? - parameters:['${long}']`), said],
      [new Error("could not save", { cause: new Error(mariadb.message) }), `could not save: ${said}`],
      [prismaRawError("23514", `${reason}\nDETAIL:  Failing row contains (${long}).`), reason],
      [
        Object.assign(prismaRawError("N/A", `${reason}\nDETAIL:  Failing row contains (${long}).`), { meta: {} }),
        `Raw query failed. Code: \`N/A\`. Message: \`${reason}`,
      ],
      [prismaUnknownError(unknown), reason],
    ] as const)
      expect(messageOf(thrown)).toBe(message);
  });

  test("messages of any length are read in linear time", () => {
    const parts = [
      "\n",
      "\n ",
      " ",
      "\t\r",
      "(",
      " - ",
      "`",
      "\nsql",
      "\nparams:",
      "Failed query: ",
      "\n\n",
      "\\",
      '"',
    ];
    const starts = [
      "",
      "select ",
      "Invalid `x` invocation",
      'PostgresError { code: "23514", message: "',
      "Failed query: ",
    ];
    const before = performance.now();
    for (const part of parts)
      for (const start of starts) {
        const message = `${start}${part.repeat(300_000 / part.length)}x`;
        messageOf(Object.assign(new Error(message), { clientVersion: "6.1.0", meta: { code: "23514", message } }));
      }
    // Less than a second on a machine at rest; in quadratic time one of these messages takes minutes.
    expect(performance.now() - before).toBeLessThan(30_000);
  }, 60_000);

  test("why it happened has room, however long what happened is", () => {
    const secret = "sk-proj-abcdefghijklmnop";
    for (let length = 200; length < 260; length++) {
      const { message } = describing(new Error(`${"x".repeat(length)} ${secret} ${"y".repeat(600)}`, { cause: "why" }));
      expect(message).toMatch(/: why$/);
      expect(message).not.toMatch(/abcd/);
    }
  });

  test("of a server that is not there, as this Node says it", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    const { port } = server.address() as AddressInfo;
    await new Promise((resolve) => server.close(resolve));
    const thrown = await fetch(`http://127.0.0.1:${port}/`).catch((error: unknown) => error);
    const error = describing(thrown);
    expect(error.message).toBe(`fetch failed: connect ECONNREFUSED 127.0.0.1:${port}`);
    expect(verdictOf(error)).toBe("DESCRIBE_FAILED service again");
  });
});

test("what the call used up is read from the error or from what it comes from", () => {
  const usage = { inputTokens: 7 };
  const failed = Object.assign(new Error("no object generated"), { usage });
  expect(usageOf(failed)).toBe(usage);
  expect(usageOf(new Error("x", { cause: failed }))).toBe(usage);
  expect(usageOf(retryError(new Error("first"), failed))).toBe(usage);
  expect(usageOf(describing(failed))).toBe(usage);
  const own = Object.assign(new UploadError("x", { code: "EMPTY_DESCRIPTION", cause: new Error("why") }), { usage });
  expect(usageOf(describing(own))).toBe(usage);
  for (const thrown of [undefined, "x", new Error("x"), { usage: null }]) expect(usageOf(thrown)).toBeUndefined();
});
