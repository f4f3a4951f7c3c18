import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { Disk } from "flydrive";
import { FSDriver } from "flydrive/drivers/fs";
import { S3Driver } from "flydrive/drivers/s3";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, test, vi } from "vitest";
import { flydriveStorage } from "../../src/adapters/flydrive.js";
import { memoryRepository } from "../../src/adapters/memory.js";
import { processUploadWithRetry, type StorageAdapter, type UploadError } from "../../src/index.js";
import { testStorageContract } from "../../src/testing/storage-contract.js";
import { until, uploadOf } from "../support/fakes.js";
import { s3Client, startS3Server } from "../support/s3.js";

const page = readFileSync(new URL("../../src/adapters/storages.md", import.meta.url), "utf8");
const { signal } = new AbortController();
const options = { contentType: "image/jpeg", signal };

let server: Awaited<ReturnType<typeof startS3Server>>;
let folder: string;
beforeAll(async () => {
  server = await startS3Server();
});
afterAll(() => server.stop());
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "flydrive-test-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const folderDisk = () => new Disk(new FSDriver({ location: folder, visibility: "private" }));
const s3Disk = (port = server.port, bucket = "photos") =>
  new Disk(new S3Driver({ client: s3Client(port), bucket, visibility: "private", supportsACL: false }));

describe("flydriveStorage over S3Driver", () => {
  testStorageContract({ test, plainKeys: true, create: () => ({ storage: flydriveStorage(s3Disk()) }) });
});

describe("flydriveStorage over FSDriver", () => {
  // It writes in place, as the page says: whether a reader sees a part is a matter of chance.
  const notAtomic = /never a part|in the middle of a write|that come at once/;
  const atomic = (name: string, body: () => Promise<void>) =>
    notAtomic.test(name) ? test.skip(name) : test(name, body);
  testStorageContract({ test: atomic, plainKeys: true, create: () => ({ storage: flydriveStorage(folderDisk()) }) });
});

/** A port that nobody listens on. */
async function closedPort(): Promise<number> {
  const closed = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => closed.once("listening", resolve));
  const { port } = closed.address() as { port: number };
  await new Promise((resolve) => closed.close(resolve));
  return port;
}

const ROWS: readonly [
  answer: string,
  outcome: string,
  fault: string,
  again: string,
  disk: () => unknown,
  key?: string,
][] = [
  ["`FSDriver`: `ENOENT`, by the stream", "`MISSING_ORIGINAL`", "upload", "no", folderDisk],
  ["`FSDriver`: a folder of that name", "`MISSING_ORIGINAL`", "upload", "no", folderDisk, "originals"],
  ["`S3Driver`: `NoSuchKey`", "`MISSING_ORIGINAL`", "upload", "no", s3Disk],
  [
    "`S3Driver`: `NoSuchBucket`",
    "rejects: `INVALID_CONFIGURATION`",
    "deployment",
    "no",
    () => s3Disk(server.port, "missing"),
  ],
  [
    "`S3Driver`: a connection that is refused",
    "`STORAGE_FAILED`",
    "service",
    "yes",
    async () => s3Disk(await closedPort()),
  ],
  ["`E_UNALLOWED_CHARACTERS`", "`STORAGE_FAILED`", "upload", "no", folderDisk, "originals/Käse.jpg"],
];

describe("what becomes of what a disk answers", () => {
  test.each(ROWS)("%s: %s", async (_, outcome, fault, again, disk, storageKey = "originals/1.jpg") => {
    mkdirSync(join(folder, "originals"));
    const storage = flydriveStorage((await disk()) as Disk);
    const repository = memoryRepository({ uploads: [uploadOf("1", { storageKey })] });
    const ai = { describe: async () => "A photo" };
    const told = await processUploadWithRetry("1", { storage, ai, repository }, { retry: { maxAttempts: 1 } }).then(
      (result) => (result.status === "failed" ? [`\`${result.error.code}\``, result.error] : [result.status]),
      (error: UploadError) => [`rejects: \`${error.code}\``, error],
    );
    expect(told).toEqual([outcome, expect.objectContaining({ fault, retryable: again === "yes" })]);
  });

  test("the page has these rows, and no other", () => {
    const [, section = ""] = page.split("\n## flydriveStorage\n");
    const rows = (section.split("\n## ", 1)[0] ?? "").match(/^\| (?!the disk|---).*\|$/gm);
    expect(rows).toEqual(ROWS.map((row) => `| ${row.slice(0, 4).join(" | ")} |`));
  });
});

describe("keys", () => {
  const write = (storage: StorageAdapter, key: string) => storage.write(key, Buffer.from(key), options);

  it.each(["Käse.jpg", "a+b.jpg", "a@b.jpg", "写真.jpg", "a:b", "%20"])("%j is refused with the rule", async (key) => {
    const storage = flydriveStorage(folderDisk());
    const message = expect.stringMatching(
      /^flydriveStorage does not take the key ".*": flydrive takes letters from a to z/,
    );
    const refusal = { code: "STORAGE_FAILED", fault: "upload", retryable: false, message };
    await expect(write(storage, key)).rejects.toMatchObject(refusal);
    await expect(storage.open(key, { signal })).rejects.toMatchObject(refusal);
    await expect(storage.delete(key)).rejects.toMatchObject(refusal);
  });

  it.each([
    ...[" lead", "trail ", "two  blanks", "a\tb", "a\nb", ".hidden", "dot.", ".../x", "a../.../x", "a\\b"],
    ...["a//b", "/a", "a/", "a/./b", "a/../b", "", "x\0", "a/.../b"],
  ])("%j, which the disk would change, is refused", async (key) => {
    const disk = folderDisk();
    const put = vi.spyOn(disk, "put");
    const refusal = { code: "STORAGE_FAILED", fault: "upload", retryable: false };
    await expect(write(flydriveStorage(disk), key)).rejects.toMatchObject(refusal);
    expect(put).not.toHaveBeenCalled();
  });

  it("that the file system does not take are refused once, with its rule", async () => {
    const storage = flydriveStorage(folderDisk());
    await write(storage, "file");
    await write(storage, "folder/file");
    const refusal = (message: RegExp) => ({
      ...{ code: "STORAGE_FAILED", fault: "upload", retryable: false, message: expect.stringMatching(message) },
    });
    const long = "x".repeat(300);
    await expect(storage.open(long, { signal })).rejects.toMatchObject(refusal(/longer than the file system takes/));
    await expect(write(storage, long)).rejects.toMatchObject(refusal(/longer than the file system takes/));
    await expect(write(storage, "folder")).rejects.toMatchObject(refusal(/"folder": a folder is there/));
    await expect(write(storage, "file/below")).rejects.toMatchObject(refusal(/"file\/below": what should be a folder/));
  });

  it("that are taken are kept as they are", async () => {
    const storage = flydriveStorage(folderDisk());
    const keys = ["a b.jpg", "a/.b", "a!", "a-b_c", "a..b", "A"];
    for (const key of keys) await write(storage, key);
    for (const key of keys) expect(readFileSync(join(folder, key), "utf8")).toBe(key);
  });
});

it("deleting what is no object succeeds", async () => {
  const storage = flydriveStorage(folderDisk());
  await storage.write("folder/name", Buffer.from("x"), options);
  for (const key of ["folder/name/below", "folder", "other"]) await storage.delete(key);
  expect(readFileSync(join(folder, "folder/name"), "utf8")).toBe("x");
  await expect(flydriveStorage(s3Disk(await closedPort())).delete("x")).rejects.toThrow("Cannot delete");
});

describe("an abort", () => {
  const reason = new Error("enough");
  const diskOf = (getStream: () => Promise<NodeJS.ReadableStream>) =>
    flydriveStorage({ getStream, put: async () => {}, delete: async () => {} });

  it("ends the wait for a disk that does not answer, and destroys what comes later", async () => {
    let answer: (stream: Readable) => void = () => {};
    const controller = new AbortController();
    const opening = diskOf(() => new Promise((resolve) => (answer = resolve))).open("1.jpg", controller);
    controller.abort(reason);
    await expect(opening).rejects.toBe(reason);
    // That closing it fails is of no interest any more, and must not end the process.
    const late = new Readable({ read() {}, destroy: (_, done) => done(new Error("was closed already")) });
    answer(late);
    await until(() => late.destroyed);
  });

  it("ends the wait for a stream that delivers nothing, and the stream", async () => {
    const controller = new AbortController();
    const stalled = new Readable({ read: () => queueMicrotask(() => controller.abort(reason)) });
    await expect(diskOf(async () => stalled).open("1.jpg", controller)).rejects.toBe(reason);
    expect(stalled.destroyed).toBe(true);
  });

  it("in mid-stream destroys the stream", async () => {
    const controller = new AbortController();
    const source = new Readable({ read() {} });
    source.push("the beginning");
    const opened = await diskOf(async () => source).open("1.jpg", controller);
    if (opened === null || !("stream" in opened)) throw new Error("expected a stream");
    const reading = buffer(opened.stream);
    controller.abort(reason);
    await expect(reading).rejects.toMatchObject({ name: "AbortError", cause: reason });
    expect(source.destroyed).toBe(true);
  });

  it("does not end a put, whose object would come after all", async () => {
    let finish = () => {};
    const put = () => new Promise<void>((resolve) => (finish = resolve));
    const storage = flydriveStorage({ getStream: async () => Readable.from([]), put, delete: async () => {} });
    const controller = new AbortController();
    const settled = vi.fn();
    const writing = storage
      .write("1.jpg", Buffer.from("x"), { ...options, signal: controller.signal })
      .finally(settled);
    controller.abort();
    await new Promise((resolve) => setImmediate(resolve));
    expect(settled).not.toHaveBeenCalled();
    finish();
    await writing;
  });
});

describe("a stream", () => {
  const openedFrom = (getStream: () => Promise<NodeJS.ReadableStream>) =>
    flydriveStorage({ getStream, put: async () => {}, delete: async () => {} }).open("1.jpg", { signal });
  const failing = (error: object) =>
    new Readable({
      read() {
        this.destroy(Object.assign(new Error("failed"), error));
      },
    });

  it.each([{ code: 404 }, { code: "ENOTDIR" }, { name: "NotFound" }])(
    "that fails with %j: not there",
    async (error) => {
      expect(await openedFrom(async () => failing(error))).toBeNull();
    },
  );

  it.each([{ code: 404, message: "The specified bucket does not exist." }, { code: "EACCES" }, { code: 503 }])(
    "that fails with %j fails",
    async (error) => {
      await expect(openedFrom(async () => failing(error))).rejects.toMatchObject(error);
    },
  );

  it("that is empty is an object of no bytes", async () => {
    const opened = await openedFrom(async () => Readable.from([]));
    expect(opened && "stream" in opened && (await buffer(opened.stream)).length).toBe(0);
  });

  it("that is closed before it is read fails", async () => {
    const closed = new Readable({
      read() {
        this.destroy();
      },
    });
    await expect(openedFrom(async () => closed)).rejects.toThrow("closed");
  });
});

it.each([undefined, null, {}, { getStream() {}, put() {} }, "disk"])("does not take %j for a disk", (disk) => {
  const error = { code: "INVALID_CONFIGURATION", message: expect.stringContaining("flydriveStorage: expected a Disk") };
  expect(() => flydriveStorage(disk as never)).toThrow(expect.objectContaining(error));
});
