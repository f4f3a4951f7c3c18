import { describe, expect, it, vi } from "vitest";
import { s3Storage } from "../../src/adapters/s3.js";
import { processUploadWithRetry } from "../../src/index.js";
import { jpeg, uploadOf, worldOf } from "../support/fakes.js";
import { s3Client } from "../support/s3.js";

/** Streams are not read here, and each keeps a listener on its signal until it is. */
const options = () => ({ contentType: "image/jpeg", signal: new AbortController().signal });
const logger = () => ({ debug: vi.fn(), info: vi.fn(), warn: vi.fn(), error: vi.fn() });

/** A client that answers with an original, and tells what it was sent. */
function fakeClient(config?: object) {
  const send = vi.fn(async (_command: { readonly input: Readonly<Record<string, unknown>> }) => ({
    Body: new Blob([new Uint8Array(jpeg)]).stream(),
  }));
  return { client: { send, config }, inputs: () => send.mock.calls.map(([{ input }]) => input) };
}

describe("s3Storage takes", () => {
  it.each([
    [undefined, "a/1.jpg"],
    ["", "a/1.jpg"],
    ["photos", "photos/a/1.jpg"],
    ["photos/", "photos/a/1.jpg"],
    ["tenants/7", "tenants/7/a/1.jpg"],
  ])("the prefix %j", async (prefix, Key) => {
    const { client, inputs } = fakeClient();
    const storage = s3Storage({ client, bucket: "b", prefix });
    await storage.open("a/1.jpg", options());
    await storage.write("a/1.jpg", jpeg, options());
    await storage.delete("a/1.jpg");
    const object = { Bucket: "b", Key };
    expect(inputs()).toEqual([object, { ...object, Body: jpeg, ContentType: "image/jpeg" }, object]);
  });

  it.each([
    ["options.*an object", undefined],
    ["client.*an S3Client", { bucket: "b" }],
    ["client.*an S3Client", { client: {}, bucket: "b" }],
    ["client.*an S3Client", { client: null, bucket: "b" }],
    ["bucket.*the name of a bucket", { client: fakeClient().client }],
    ["bucket.*the name of a bucket", { client: fakeClient().client, bucket: "" }],
    ["prefix.*empty part", { client: fakeClient().client, bucket: "b", prefix: "/photos" }],
    ["prefix.*empty part", { client: fakeClient().client, bucket: "b", prefix: "a//" }],
    ["prefix.*empty", { client: fakeClient().client, bucket: "b", prefix: "/" }],
    ['prefix.*"\\.\\."', { client: fakeClient().client, bucket: "b", prefix: "photos/../x" }],
    ["prefix.*a folder", { client: fakeClient().client, bucket: "b", prefix: 7 }],
    ["cacheControl.*a text", { client: fakeClient().client, bucket: "b", cacheControl: "" }],
    ["logger.*a logger", { client: fakeClient().client, bucket: "b", logger: {} }],
    [
      'cacheControll: unknown; did you mean "cacheControl"',
      { client: fakeClient().client, bucket: "b", cacheControll: "x" },
    ],
  ])("no misuse: %s", (message, given) => {
    const error = {
      code: "INVALID_CONFIGURATION",
      message: expect.stringMatching(new RegExp(`^s3Storage\\.${message}`)),
    };
    expect(() => s3Storage(given as never)).toThrow(expect.objectContaining(error));
  });

  it.each([
    ["of more than 1,024 bytes", "x".repeat(1025), /1024 bytes/],
    ["of 1,024 bytes, with a prefix", "é".repeat(512), /1024 bytes/],
    ["with half a surrogate pair", "\ud800", /surrogate/],
    ["that leaves the prefix", "../8/x", /"\.\."/],
    ["with an empty part", "a//x", /empty part/],
    ["with a NUL", "x\0", /NUL/],
    ["that is none", undefined, /not a string/],
  ])("no key %s", async (_, key, message) => {
    const { client, inputs } = fakeClient();
    const storage = s3Storage({ client, bucket: "b", prefix: "7" });
    const refusal = {
      code: "STORAGE_FAILED",
      fault: "upload",
      retryable: false,
      message: expect.stringMatching(message),
    };
    for (const call of [
      () => storage.open(key as string, options()),
      () => storage.write(key as string, jpeg, options()),
      () => storage.delete(key as string),
    ])
      await expect(call()).rejects.toMatchObject(refusal);
    expect(inputs()).toEqual([]);
  });

  it("a key of 1,024 bytes", async () => {
    const { client, inputs } = fakeClient();
    await s3Storage({ client, bucket: "b" }).delete("é".repeat(512));
    expect(inputs()).toHaveLength(1);
  });

  it("no answer without a body", async () => {
    const storage = s3Storage({ client: { send: async () => ({}) }, bucket: "b" });
    const error = { code: "INVALID_CONFIGURATION", message: expect.stringContaining("Body") };
    await expect(storage.open("1.jpg", options())).rejects.toMatchObject(error);
  });
});

describe("a client that retries by itself", () => {
  const message = expect.stringContaining("new S3Client({ maxAttempts: 1 })");

  it("is told of once, to the logger of the storage", async () => {
    const { client } = fakeClient({ maxAttempts: async () => 3 });
    const [own, other] = [logger(), logger()];
    const storage = s3Storage({ client, bucket: "b", logger: own });
    await storage.write("1.jpg", jpeg, options());
    expect(own.warn).toHaveBeenCalledOnce();
    for (const key of ["1.jpg", "2.jpg"]) await storage.open(key, { ...options(), logger: other });
    expect(own.warn.mock.calls).toEqual([[{ maxAttempts: 3 }, message]]);
    expect(other.warn).not.toHaveBeenCalled();
  });

  it("is told of once, to the logger of the work, where the storage has none", async () => {
    const { client } = fakeClient({ maxAttempts: async () => 2 });
    const storage = s3Storage({ client, bucket: "b" });
    const { repository, ai } = worldOf([uploadOf("1"), uploadOf("2")]);
    const told = logger();
    await storage.open("0.jpg", options());
    for (const id of ["1", "2"])
      expect(await processUploadWithRetry(id, { storage, ai, repository }, { logger: told })).toMatchObject({
        status: "completed",
      });
    expect(told.warn.mock.calls).toEqual([[{ maxAttempts: 2 }, message]]);
  });

  it.each([
    ["the SDK's client of one attempt", () => s3Client(1, { maxAttempts: 1 })],
    ["a client that does not tell", () => fakeClient().client],
    [
      "a client that cannot tell",
      () => fakeClient({ maxAttempts: () => Promise.reject(new Error("no profile")) }).client,
    ],
  ])("is not told of %s", async (_, client) => {
    const told = logger();
    const storage = s3Storage({ client: client(), bucket: "b", logger: told });
    await storage.open("1.jpg", options()).catch(() => {});
    expect(told.warn).not.toHaveBeenCalled();
  });

  it("is told of by the SDK's client with its defaults", async () => {
    const told = logger();
    const client = s3Client(1, { maxAttempts: 3 });
    const send = vi.spyOn(client, "send").mockImplementation(async () => ({ Body: new Blob([]).stream() }));
    await s3Storage({ client, bucket: "b", logger: told }).open("1.jpg", options());
    expect(told.warn.mock.calls).toEqual([[{ maxAttempts: 3 }, message]]);
    expect(send).toHaveBeenCalledOnce();
  });

  it.each([
    ["throws", () => vi.fn().mockThrow(new Error("disk full"))],
    ["rejects", () => vi.fn().mockRejectedValue(new Error("disk full"))],
  ])("is no trouble where the logger %s", async (_, warn) => {
    const { client } = fakeClient({ maxAttempts: 3 });
    const storage = s3Storage({ client, bucket: "b", logger: { ...logger(), warn: warn() } });
    expect(await storage.open("1.jpg", options())).not.toBeNull();
  });
});
