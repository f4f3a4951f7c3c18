import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, test } from "vitest";
import { classifyError, messageOf, UploadError, usageOf } from "../../src/errors.js";
import {
  apiCallError,
  awsError,
  drizzleError,
  knexError,
  pgError,
  prismaError,
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
