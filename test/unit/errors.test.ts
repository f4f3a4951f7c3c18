import { describe, expect, test } from "vitest";
import { classifyError } from "../../src/errors.js";
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
    ["a SyntaxError", new SyntaxError("x"), false],
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
      ...[longest, longest, 0, 0, undefined, undefined],
    ]);
    const own = (retryAfterMs: unknown) => classify(http({ retryAfterMs })).retryAfterMs;
    expect([1e300, Number.POSITIVE_INFINITY, -1, Number.NaN, "5", null].map(own)).toEqual([
      ...[longest, longest, undefined, undefined, undefined, undefined],
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
      retryAfterMs: 5,
    });
    expect(new ConfigurationError("x")).toMatchObject({ name: "ConfigurationError", code: "INVALID_CONFIGURATION" });
    expect(new RepositoryError("x")).toMatchObject({ name: "RepositoryError", code: "REPOSITORY_FAILED" });
  });

  test("assertCompleted throws what stands in the way", () => {
    const base = { uploadId: "a", attempts: 0, durationMs: 0, warnings: [], stages: [] };
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
    expect(thrown({ status: "failed", error, ...base })).toBe(error);
    expect(thrown({ status: "deferred", error, ...base })).toBe(error);
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
