import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { S3Client } from "@aws-sdk/client-s3";
import { afterAll, afterEach, beforeAll, describe, expect, it, test } from "vitest";
import { memoryRepository } from "../../src/adapters/memory.js";
import { s3Storage } from "../../src/adapters/s3.js";
import { BatchProcessor, processUploadWithRetry, type UploadError } from "../../src/index.js";
import { ids, jpeg, statusesIn, uploadOf } from "../support/fakes.js";
import { s3Client } from "../support/s3.js";
import { FaultyS3, type S3Answer, sendObject } from "../support/s3-faults.js";

const page = readFileSync(new URL("../../src/adapters/storages.md", import.meta.url), "utf8");
const { signal } = new AbortController();
/** Another one for each test: breakers are shared by the calls of one adapter. */
const newAI = () => ({ describe: async () => "A photo" });

const s3 = new FaultyS3();
beforeAll(() => s3.open());
afterAll(() => s3.close());
afterEach(() => {
  s3.requests.length = 0;
});

const storageAt = (port: number) => s3Storage({ client: s3Client(port), bucket: "photos" });

/** How often an answer is tried again. */
type Again = "no" | "yes" | `after ${number} ms`;
type Row = readonly [
  status: number | "–",
  answer: string,
  outcome: string,
  fault: string,
  again: Again,
  told: S3Answer,
];

const named = (status: number, code: string, headers: Record<string, string> = {}): S3Answer => ({
  status,
  code,
  headers,
});
const cutOff: S3Answer = (_, response) => {
  response.writeHead(200, { "content-length": jpeg.length });
  response.write(jpeg.subarray(0, jpeg.length / 2), () => response.destroy());
};

const ROWS: readonly Row[] = [
  [404, "`NoSuchKey`", "`MISSING_ORIGINAL`", "upload", "no", named(404, "NoSuchKey")],
  [404, "without a body", "`MISSING_ORIGINAL`", "upload", "no", { status: 404 }],
  [403, "`AccessDenied`", "`STORAGE_FAILED`", "upload", "no", named(403, "AccessDenied")],
  [403, "without a body", "`STORAGE_FAILED`", "upload", "no", { status: 403 }],
  [403, "`InvalidObjectState`", "`STORAGE_FAILED`", "upload", "no", named(403, "InvalidObjectState")],
  [405, "`MethodNotAllowed`", "`STORAGE_FAILED`", "upload", "no", named(405, "MethodNotAllowed")],
  [503, "`SlowDown`", "`STORAGE_FAILED`", "service", "yes", named(503, "SlowDown")],
  [
    503,
    "`SlowDown` and `Retry-After: 2`",
    "`STORAGE_FAILED`",
    "service",
    "after 2000 ms",
    named(503, "SlowDown", { "retry-after": "2" }),
  ],
  [
    429,
    "`TooManyRequests` and `Retry-After: 3`",
    "`RATE_LIMITED`",
    "service",
    "after 3000 ms",
    named(429, "TooManyRequests", { "retry-after": "3" }),
  ],
  [500, "`InternalError`", "`STORAGE_FAILED`", "service", "yes", named(500, "InternalError")],
  [503, "without a body", "`STORAGE_FAILED`", "service", "yes", { status: 503 }],
  [502, "a page of a proxy", "`STORAGE_FAILED`", "service", "yes", { status: 502, html: "<h1>Bad<br>Gateway</h1>" }],
  [400, "`RequestTimeout`", "`STORAGE_FAILED`", "service", "yes", named(400, "RequestTimeout")],
  [403, "`RequestTimeTooSkewed`", "`STORAGE_FAILED`", "service", "yes", named(403, "RequestTimeTooSkewed")],
  [400, "`ExpiredToken`", "`STORAGE_FAILED`", "service", "yes", named(400, "ExpiredToken")],
  [400, "`TokenRefreshRequired`", "`STORAGE_FAILED`", "service", "yes", named(400, "TokenRefreshRequired")],
  [400, "`RequestExpired`", "`STORAGE_FAILED`", "service", "yes", named(400, "RequestExpired")],
  [307, "`TemporaryRedirect`", "`STORAGE_FAILED`", "service", "yes", named(307, "TemporaryRedirect")],
  [403, "`ExpiredToken`", "`ACCOUNT_REFUSED`", "account", "no", named(403, "ExpiredToken")],
  [403, "`ExpiredTokenException`", "`ACCOUNT_REFUSED`", "account", "no", named(403, "ExpiredTokenException")],
  [403, "`TokenRefreshRequired`", "`ACCOUNT_REFUSED`", "account", "no", named(403, "TokenRefreshRequired")],
  [403, "`RequestExpired`", "`ACCOUNT_REFUSED`", "account", "no", named(403, "RequestExpired")],
  [403, "`InvalidClientTokenId`", "`ACCOUNT_REFUSED`", "account", "no", named(403, "InvalidClientTokenId")],
  [
    403,
    "`UnrecognizedClientException`",
    "`ACCOUNT_REFUSED`",
    "account",
    "no",
    named(403, "UnrecognizedClientException"),
  ],
  [403, "`InvalidAccessKeyId`", "`ACCOUNT_REFUSED`", "account", "no", named(403, "InvalidAccessKeyId")],
  [403, "`SignatureDoesNotMatch`", "`ACCOUNT_REFUSED`", "account", "no", named(403, "SignatureDoesNotMatch")],
  [403, "`AccountProblem`", "`ACCOUNT_REFUSED`", "account", "no", named(403, "AccountProblem")],
  [401, "`Unauthorized`", "`ACCOUNT_REFUSED`", "account", "no", named(401, "Unauthorized")],
  [404, "`NoSuchBucket`", "rejects: `INVALID_CONFIGURATION`", "deployment", "no", named(404, "NoSuchBucket")],
  [301, "`PermanentRedirect`", "rejects: `INVALID_CONFIGURATION`", "deployment", "no", named(301, "PermanentRedirect")],
  [301, "without a body", "rejects: `INVALID_CONFIGURATION`", "deployment", "no", { status: 301 }],
  [
    400,
    "`AuthorizationHeaderMalformed`",
    "rejects: `INVALID_CONFIGURATION`",
    "deployment",
    "no",
    named(400, "AuthorizationHeaderMalformed"),
  ],
  ["–", "a body that is cut off", "`STORAGE_FAILED`", "service", "yes", cutOff],
];

/** What becomes of one upload, in the words of the page. */
async function outcomeAt(port: number): Promise<readonly [outcome: string, fault: string, again: Again]> {
  const repository = memoryRepository({ uploads: [uploadOf("1")] });
  const adapters = { storage: storageAt(port), ai: newAI(), repository };
  const told = (error: UploadError): [fault: string, again: Again] => [
    error.fault,
    error.retryAfterMs === undefined ? (error.retryable ? "yes" : "no") : `after ${error.retryAfterMs} ms`,
  ];
  try {
    const result = await processUploadWithRetry("1", adapters, { retry: { maxAttempts: 1 } });
    if (result.status !== "failed") throw new Error(`The upload is ${result.status}`);
    expect((await repository.findUpload("1"))?.errorCode).toBe(result.error.code);
    return [`\`${result.error.code}\``, ...told(result.error)];
  } catch (error) {
    expect((await repository.findUpload("1"))?.status).toBe("pending");
    const { code } = error as UploadError;
    return [`rejects: \`${code}\``, ...told(error as UploadError)];
  }
}

describe("what becomes of what S3 answers", () => {
  test.each(ROWS)("%s %s: %s", async (_status, _answer, outcome, fault, again, answer) => {
    s3.answer = answer;
    expect(await outcomeAt(s3.port)).toEqual([outcome, fault, again]);
  });

  test("a connection that is refused", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    const { port } = server.address() as { port: number };
    await new Promise((resolve) => server.close(resolve));
    expect(await outcomeAt(port)).toEqual(["`STORAGE_FAILED`", "service", "yes"]);
  });

  const rejects = ["rejects: `INVALID_CONFIGURATION`", "deployment", "no"];
  test.each([
    [301, "MovedPermanently", rejects],
    [308, undefined, rejects],
    [302, undefined, ["`STORAGE_FAILED`", "service", "yes"]],
    [303, undefined, ["`STORAGE_FAILED`", "service", "yes"]],
    [307, undefined, ["`STORAGE_FAILED`", "service", "yes"]],
    [304, undefined, ["`STORAGE_FAILED`", "upload", "yes"]],
  ])("a redirect with status %i, named %s", async (status, code, outcome) => {
    s3.answer = code === undefined ? { status } : named(status, code);
    expect(await outcomeAt(s3.port)).toEqual(outcome);
  });

  test("the page has these rows, and no other", () => {
    const [, section = ""] = page.split("\n## s3Storage\n");
    const rows = (section.split("\n## ", 1)[0] ?? "").match(/^\| (?!status|---).*\|$/gm);
    const expected = ROWS.map((row) => `| ${row.slice(0, 5).join(" | ")} |`);
    expected.push("| – | a connection that is refused | `STORAGE_FAILED` | service | yes |");
    expect(rows).toEqual(expected);
  });
});

describe("messages", () => {
  const messageOf = async (answer: S3Answer, call: "open" | "write" | "delete" = "open") => {
    s3.answer = answer;
    const storage = storageAt(s3.port);
    const calls = {
      open: () => storage.open("a/1.jpg", { signal }),
      write: () => storage.write("a/1.jpg", Buffer.from("x"), { contentType: "image/jpeg", signal }),
      delete: () => storage.delete("a/1.jpg"),
    };
    return calls[call]().then(
      () => "none",
      (error: Error) => error.message,
    );
  };

  test.each([
    ["a missing bucket", { status: 404, code: "NoSuchBucket" }, /there is no bucket "photos": create it/],
    ["an object that may be missing", { status: 403, code: "AccessDenied" }, /"a\/1\.jpg".*s3:ListBucket.*missing/],
    ["an archived object", { status: 403, code: "InvalidObjectState" }, /archived: restore it/],
    ["another region", { status: 301, code: "PermanentRedirect" }, /region or endpoint.*"photos"/],
    [
      "an endpoint that wants https",
      { status: 301, headers: { location: "https://s3.test/photos/a/1.jpg?X-Amz-Signature=secret" } },
      /region or endpoint.*"photos": status 301\. It sends to "https:\/\/s3\.test\/photos\/a\/1\.jpg"$/,
    ],
    ["a page of a proxy", { status: 502, html: "<h1>Bad<br>Gateway</h1>" }, /"photos": status 502$/],
    [
      "throttling",
      { status: 503, code: "SlowDown", message: "Please slow down." },
      /SlowDown \(503\): Please slow down$/,
    ],
  ])("of %s", async (_, answer, message) => {
    expect(await messageOf(answer)).toMatch(message);
  });

  test("of a write and a delete that are denied name the right that is missing", async () => {
    const denied = { status: 403, code: "AccessDenied" };
    expect(await messageOf(denied, "write")).toMatch(/could not write "a\/1\.jpg".*s3:PutObject/);
    expect(await messageOf(denied, "delete")).toMatch(/could not delete "a\/1\.jpg".*s3:DeleteObject/);
  });
});

test.each([{ status: 404, code: "NoSuchKey" }, { status: 404 }, { status: 204 }])(
  "deleting succeeds where S3 answers %j",
  async (answer) => {
    s3.answer = answer;
    await storageAt(s3.port).delete("a/1.jpg");
    expect(s3.requests).toEqual(["DELETE /photos/a/1.jpg?x-id=DeleteObject"]);
  },
);

describe("a client that cannot make a request", () => {
  const failureOf = (client: S3Client) =>
    s3Storage({ client, bucket: "photos" })
      .open("1.jpg", { signal })
      .catch((error: UploadError) => error);

  it("without a region is the deployment's fault", async () => {
    const region = () => Promise.reject(new Error("Region is missing"));
    const credentials = { accessKeyId: "a", secretAccessKey: "b" };
    const message = expect.stringMatching(/region or endpoint.*Region is missing/);
    const error = { code: "INVALID_CONFIGURATION", fault: "deployment", message };
    expect(await failureOf(new S3Client({ region, credentials, maxAttempts: 1 }))).toMatchObject(error);
  });

  it("without credentials is the account's fault", async () => {
    const missing = Object.assign(new Error("Could not load credentials from any providers"), {
      name: "CredentialsProviderError",
    });
    const client = new S3Client({ region: "us-east-1", credentials: () => Promise.reject(missing), maxAttempts: 1 });
    expect(await failureOf(client)).toMatchObject({ code: "ACCOUNT_REFUSED", fault: "account", cause: missing });
  });
});

describe("an upload whose original is in S3", () => {
  const world = (count: number) => {
    const repository = memoryRepository({ uploads: ids(count), batches: [{ id: "batch", status: "pending" }] });
    return { storage: storageAt(s3.port), ai: newAI(), repository, thumbnail: false } as const;
  };

  /** The first requests are answered so, the others with the original. */
  function answerFirst(count: number, answer: S3Answer): void {
    let requests = 0;
    s3.answer = (request, response) => {
      if (requests++ < count) s3.respond(answer, request, response);
      else sendObject(response, jpeg);
    };
  }

  it.each([
    ["a body that is cut off", cutOff],
    [
      "a body of unknown length that is cut off",
      (_: unknown, response: import("node:http").ServerResponse) => {
        response.writeHead(200);
        response.write(jpeg.subarray(0, jpeg.length / 2), () => response.destroy());
      },
    ],
    ["a credential that has run out", named(400, "ExpiredToken")],
    ["throttling without a hint", named(503, "SlowDown")],
  ] satisfies [string, S3Answer][])("is completed after %s", async (_, answer) => {
    answerFirst(1, answer);
    const { thumbnail, ...adapters } = world(1);
    const result = await processUploadWithRetry("u0000", adapters, { thumbnail, retry: { minTimeout: 1 } });
    expect(result).toMatchObject({ status: "completed", attempts: 2 });
    expect(s3.requests).toHaveLength(2);
  });

  it("waits as long as S3 asks for", async () => {
    answerFirst(1, named(503, "SlowDown", { "retry-after": "1" }));
    const retries: (number | undefined)[] = [];
    const { thumbnail, ...adapters } = world(1);
    const plugin = { on: { "upload:retry": ({ delayMs }: { delayMs: number }) => void retries.push(delayMs) } };
    const options = { thumbnail, retry: { minTimeout: 1 }, plugins: [plugin] };
    expect(await processUploadWithRetry("u0000", adapters, options)).toMatchObject({ status: "completed" });
    expect(retries).toEqual([expect.toSatisfy((delay: number) => delay >= 1000 && delay <= 1200)]);
  });

  it("makes a batch wait while the account is refused, and fails for none of it", async () => {
    s3.answer = named(403, "InvalidAccessKeyId");
    const adapters = world(5);
    const processor = new BatchProcessor({ ...adapters, concurrency: 2, breaker: { cooldownMs: 20 } });
    const reasons: string[] = [];
    processor.on("batch:paused", ({ reason }) => {
      reasons.push(reason);
      s3.answer = (_, response) => sendObject(response, jpeg);
    });
    expect(await processor.process("batch")).toMatchObject({ status: "completed", completed: 5, failed: 0 });
    expect(reasons[0]).toBe("account");
  });

  it("ends a batch whose bucket is not there, and stays open itself", async () => {
    s3.answer = named(404, "NoSuchBucket");
    const adapters = world(3);
    const result = await new BatchProcessor({ ...adapters, concurrency: 1 }).process("batch");
    expect(result).toMatchObject({ status: "failed", error: { code: "INVALID_CONFIGURATION" } });
    expect(Object.values(await statusesIn(adapters.repository))).toEqual(["pending", "pending", "pending"]);
  });

  it("is completed without its thumbnail where that may not be written, with a warning", async () => {
    s3.answer = (request, response) => {
      if (request.method === "GET") sendObject(response, jpeg);
      else s3.respond(named(403, "AccessDenied"), request, response);
    };
    const { thumbnail, ...adapters } = world(1);
    const result = await processUploadWithRetry("u0000", adapters);
    const warning = { code: "STORAGE_FAILED", stage: "thumbnail", fault: "upload" };
    expect(result).toMatchObject({ status: "completed", warnings: [warning] });
    expect(s3.requests.map((request) => request.split(" ", 1)[0])).toEqual(["GET", "PUT"]);
  });
});
