import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { CODES, classifyError, type Fault, isFault } from "../../src/errors.js";
import {
  assertCompleted,
  ConfigurationError,
  RepositoryError,
  UploadError,
  type UploadResult,
} from "../../src/index.js";

const classify = (thrown: unknown) => classifyError(thrown, "describe", "DESCRIBE_FAILED");
const http = (fields: object) => Object.assign(new Error("http"), fields);

describe("classification", () => {
  test.each([
    ["its own word first", http({ retryable: false, status: 503 }), false],
    ["the AI SDK's word", http({ isRetryable: true, statusCode: 400 }), true],
    ["408", http({ status: 408 }), true],
    ["409", http({ statusCode: 409 }), true],
    ["425", http({ response: { status: 425 } }), true],
    ["429", http({ $metadata: { httpStatusCode: 429 } }), true],
    ["500", http({ status: 500 }), true],
    ["401", http({ status: 401 }), false],
    ["404", http({ status: 404 }), false],
    ["a TypeError with a status", Object.assign(new TypeError("x"), { status: 502 }), true],
    ["a network code", http({ code: "ECONNREFUSED" }), true],
    ["fetch's TypeError by its cause", new TypeError("fetch failed", { cause: { code: "UND_ERR_SOCKET" } }), true],
    ["fetch's TypeError by its message", new TypeError("terminated"), true],
    ["a TypeError", new TypeError("x is not a function"), false],
    ["a RangeError", new RangeError("x"), false],
    ["a SyntaxError: a model's cut-off JSON", new SyntaxError("x"), true],
    ["anything else", new Error("x"), true],
    ["a timeout", new DOMException("x", "TimeoutError"), true],
    ["a string", "x", true],
    ["nothing", undefined, true],
  ])("%s", (_, thrown, retryable) => {
    expect(classify(thrown).retryable).toBe(retryable);
  });

  test("429 is RATE_LIMITED; Retry-After in seconds, as a date, in any case and any shape", () => {
    expect(classify(http({ status: 429 })).code).toBe("RATE_LIMITED");
    expect(classify(http({ headers: { "Retry-After": "3" } })).retryAfterMs).toBe(3000);
    expect(classify(http({ responseHeaders: new Map([["retry-after", "0.5"]]) })).retryAfterMs).toBe(500);
    expect(classify(http({ response: { headers: new Headers({ "RETRY-AFTER": "7" }) } })).retryAfterMs).toBe(7000);
    const inTen = new Date(Date.now() + 10_000).toUTCString();
    expect(classify(http({ headers: { "retry-after": inTen } })).retryAfterMs).toBeGreaterThan(8000);
    expect(classify(http({ headers: { "retry-after": "soon" } })).retryAfterMs).toBeUndefined();
    expect(classify(http({ retryAfterMs: 12 })).retryAfterMs).toBe(12);
  });

  test("a wait is no longer than a timer can wait, and what is no wait is none", () => {
    const wait = (retryAfter: unknown) => classify(http({ headers: { "retry-after": retryAfter } })).retryAfterMs;
    const longest = 2 ** 31 - 1;
    expect(["99999999999", "Infinity", "-5", "-Infinity", "NaN", {}].map(wait)).toEqual([
      longest,
      longest,
      0,
      0,
      undefined,
      undefined,
    ]);
    const own = (retryAfterMs: unknown) => classify(http({ retryAfterMs })).retryAfterMs;
    expect([1e300, Number.POSITIVE_INFINITY, -1, Number.NaN, "5", null].map(own)).toEqual([
      longest,
      longest,
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
    const thrown = (retryAfterMs: number) => new UploadError("x", { code: "RATE_LIMITED", retryAfterMs }).retryAfterMs;
    expect([Number.POSITIVE_INFINITY, Number.NaN, -1, 7].map(thrown)).toEqual([longest, undefined, undefined, 7]);
  });

  test("what an adapter throws as an UploadError keeps its code, and gets its stage", () => {
    const own = new UploadError("no", { code: "UNSUPPORTED_MEDIA" });
    expect(classify(own)).toMatchObject({ code: "UNSUPPORTED_MEDIA", stage: "describe", retryable: false });
    const staged = new UploadError("no", { code: "INVALID_MEDIA", stage: "open" });
    expect(classify(staged)).toBe(staged);
  });

  test("whatever is thrown has a message", () => {
    for (const thrown of [null, undefined, 0, "", Symbol("s"), {}, Object.create(null), new Error("")])
      expect(classify(thrown).message).not.toBe("");
  });
});

describe("UploadError", () => {
  test("is known over copies of the package, and survives JSON", () => {
    const error = new UploadError("slow", {
      code: "RATE_LIMITED",
      stage: "embed",
      retryAfterMs: 5,
      cause: { deep: 1n },
    });
    const foreign = { [Symbol.for("upload-processor.UploadError")]: true };
    expect(UploadError.isInstance(error) && UploadError.isInstance(foreign)).toBe(true);
    expect(UploadError.isInstance(new Error("x")) || UploadError.isInstance(null)).toBe(false);
    expect(JSON.parse(JSON.stringify(error))).toEqual({
      name: "UploadError",
      message: "slow",
      code: "RATE_LIMITED",
      stage: "embed",
      retryable: true,
      fault: "service",
      retryAfterMs: 5,
    });
    expect(new ConfigurationError("x")).toMatchObject({ name: "ConfigurationError", code: "INVALID_CONFIGURATION" });
    expect(new RepositoryError("x")).toMatchObject({ name: "RepositoryError", code: "REPOSITORY_FAILED" });
  });

  test("has the fault of its code, unless it is told another one", () => {
    for (const [code, { fault, retryable }] of Object.entries(CODES))
      expect(new UploadError("x", { code })).toMatchObject({ code, fault, retryable });
    expect(new UploadError("x", { code: "MINE" })).toMatchObject({ fault: "upload", retryable: false });
    expect(new UploadError("x", { code: "toString" })).toMatchObject({ fault: "upload", retryable: false });
    expect(new UploadError("x", { code: "MINE", retryable: true })).toMatchObject({ fault: "upload", retryable: true });
    expect(new UploadError("x", { code: "MINE", fault: "service" })).toMatchObject({ retryable: true });
    expect(new UploadError("x", { code: "DESCRIBE_FAILED", fault: "account" })).toMatchObject({ retryable: false });
    const nobodys = new UploadError("x", { code: "MINE", fault: "nobody" as "upload" });
    expect(nobodys.fault).toBe("upload");
  });

  test("isFault knows errors of other copies, and of copies that have no fault", () => {
    const copy = (fields: object) => ({ [Symbol.for("upload-processor.UploadError")]: true, ...fields });
    expect(isFault(new ConfigurationError("x"), "deployment")).toBe(true);
    expect(isFault(new ConfigurationError("x"), "upload")).toBe(false);
    expect(isFault(copy({ fault: "account" }), "account")).toBe(true);
    expect(isFault(copy({ code: "RATE_LIMITED" }), "service")).toBe(true);
    expect(isFault({ fault: "account" }, "account")).toBe(false);
  });

  test("a ConfigurationError and a RepositoryError keep what they are told", () => {
    const cause = new Error("why");
    expect(new ConfigurationError("x", { cause, stage: "save" })).toMatchObject({ cause, stage: "save" });
    const refused = new RepositoryError("x", { cause, stage: "save", retryable: false, fault: "upload" });
    expect(refused).toMatchObject({ cause, stage: "save", retryable: false, fault: "upload" });
  });

  test("assertCompleted throws what stands in the way", () => {
    const base = { uploadId: "a", attempts: 0, durationMs: 0, warnings: [], stages: [], usage: {} };
    const error = new UploadError("no", { code: "EMBED_FAILED" });
    const thrown = (result: UploadResult) => {
      try {
        assertCompleted(result);
      } catch (caught) {
        return caught;
      }
      return undefined;
    };
    expect(
      thrown({ status: "completed", upload: { id: "a", storageKey: "k", status: "completed" }, ...base }),
    ).toBeUndefined();
    expect(thrown({ status: "failed", error, kept: false, ...base })).toBe(error);
    expect(thrown({ status: "deferred", error, countsAsAttempt: true, ...base })).toBe(error);
    expect(thrown({ status: "skipped", reason: "claimed-elsewhere", retryAfterMs: 9, ...base })).toMatchObject({
      code: "CLAIMED_ELSEWHERE",
      retryAfterMs: 9,
    });
    expect(thrown({ status: "deleted", ...base })).toMatchObject({ code: "NOT_COMPLETED" });
    expect(thrown({ status: "aborted", reason: "why", ...base })).toMatchObject({
      code: "NOT_COMPLETED",
      cause: "why",
    });
  });
});

test("without options, an UploadError says what it needs, and what it was to say", () => {
  const without = UploadError as unknown as new (message: string, options?: unknown) => UploadError;
  for (const options of [undefined, null, "DESCRIBE_FAILED"])
    expect(() => new without("no model", options)).toThrow(
      new ConfigurationError(
        `UploadError: expected options with a code, as { code: "DESCRIBE_FAILED" }, got ${options}; its message was "no model"`,
      ),
    );
});

describe("UploadError.fromJSON", () => {
  test("is the way back of toJSON", () => {
    const options = fc.record(
      {
        code: fc.oneof(fc.constantFrom(...Object.keys(CODES)), fc.string({ minLength: 1 })),
        stage: fc.option(fc.string()),
        fault: fc.constantFrom<Fault>("upload", "service", "account", "deployment"),
        retryable: fc.boolean(),
        retryAfterMs: fc.nat(),
      },
      { requiredKeys: ["code"] },
    );
    const name = fc.constantFrom("UploadError", "ConfigurationError", "RepositoryError", "Mine", "");
    fc.assert(
      fc.property(fc.string(), options, name, (message, given, called) => {
        const error = new UploadError(message, given);
        error.name = called;
        const json = JSON.parse(JSON.stringify(error));
        const back = UploadError.fromJSON(json);
        expect(back).toBeInstanceOf(UploadError);
        expect(back.toJSON()).toEqual(json);
      }),
    );
  });

  test("makes the class by name and code, also of JSON that was written by hand", () => {
    const back = UploadError.fromJSON(new ConfigurationError("no", { stage: "embed" }).toJSON());
    expect(back).toBeInstanceOf(ConfigurationError);
    expect(UploadError.fromJSON({ message: "x", code: "REPOSITORY_FAILED" })).toBeInstanceOf(RepositoryError);
    const byHand = UploadError.fromJSON({
      message: "slow down",
      code: "RATE_LIMITED",
      stage: null,
      retryAfterMs: null,
    });
    expect(byHand.toJSON()).toEqual({
      name: "UploadError",
      message: "slow down",
      code: "RATE_LIMITED",
      stage: null,
      retryable: true,
      fault: "service",
    });
  });

  test.each<[unknown, RegExp]>([
    [null, /expected json to be an object, got null/],
    ['{"message":"x"}', /expected json to be an object, got "/],
    [{ code: "X" }, /expected message to be a text, got undefined/],
    [{ message: "x" }, /expected code to be a text that is not empty, got undefined/],
    [{ message: "x", code: "" }, /expected code to be a text that is not empty, got ""/],
    [{ message: "x", code: "X", name: 7 }, /expected name to be a text, got number/],
    [{ message: "x", code: "X", stage: 7 }, /expected stage to be a text or null, got number/],
    [{ message: "x", code: "X", fault: "mine" }, /expected fault to be "upload", .*, got "mine"/],
    [{ message: "x", code: "X", retryable: "yes" }, /expected retryable to be true or false, got "yes"/],
    [
      { message: "x", code: "X", retryAfterMs: -1 },
      /expected retryAfterMs to be milliseconds of at least 0, got number/,
    ],
  ])("%o: says what is wrong", (json, message) => {
    expect(() => UploadError.fromJSON(json)).toThrow(ConfigurationError);
    expect(() => UploadError.fromJSON(json)).toThrow(message);
  });
});
