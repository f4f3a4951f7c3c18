import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Disk } from "flydrive";
import { FSDriver } from "flydrive/drivers/fs";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { flydriveStorage } from "../../src/adapters/flydrive.js";
import { fileStorage } from "../../src/adapters/fs.js";
import { memoryStorage } from "../../src/adapters/memory.js";
import { s3Storage } from "../../src/adapters/s3.js";
import { BatchProcessor, processUploadWithRetry, type StorageAdapter } from "../../src/index.js";
import { statusesIn, uploadOf, worldOf } from "../support/fakes.js";
import { s3Client } from "../support/s3.js";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "storage-keys-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const storages: Record<string, () => StorageAdapter> = {
  fileStorage: () => fileStorage(folder),
  memoryStorage: () => memoryStorage(),
  // Nobody listens there: a key that was sent would fail in another way.
  s3Storage: () => s3Storage({ client: s3Client(9), bucket: "photos", prefix: "tenants/7" }),
  flydriveStorage: () => flydriveStorage(new Disk(new FSDriver({ location: folder, visibility: "private" }))),
};

/** What the rules of all storages refuse. */
const refused = ["../x.jpg", "a/../x.jpg", "..", "./x", "a/./x", "a\\..\\x", "a//x", "/x", "x/", "a\0.jpg", "\0", ""];

describe.each(Object.keys(storages))("%s", (name) => {
  test.each(refused)("never sees the key %j", async (storageKey) => {
    const storage = storages[name]?.() as StorageAdapter;
    const open = vi.spyOn(storage as { open: StorageAdapter["open"] }, "open");
    const { repository, ai } = worldOf([uploadOf("1", { storageKey })]);
    const result = await processUploadWithRetry("1", { storage, ai, repository });
    const message = expect.stringMatching(/^The library does not take the key/);
    const error = { code: "STORAGE_FAILED", stage: "open", fault: "upload", retryable: false, message };
    expect(result).toMatchObject({ status: "failed", attempts: 1, error });
    expect(open).not.toHaveBeenCalled();
  });

  test.runIf(name !== "memoryStorage").each(refused)("refuses the key %j itself, without the library", async (key) => {
    const storage = storages[name]?.() as StorageAdapter;
    const options = { contentType: "image/jpeg", signal: new AbortController().signal };
    const refusal = { code: "STORAGE_FAILED", fault: "upload", retryable: false };
    await expect(storage.open(key, options)).rejects.toMatchObject(refusal);
    await expect(storage.write(key, Buffer.from("x"), options)).rejects.toMatchObject(refusal);
    await expect(storage.delete(key)).rejects.toMatchObject(refusal);
  });
});

test.each(["a\\b", "\ud800", "/x"])(
  "many uploads with the key %j do not open the breaker of the storage",
  async (bad) => {
    const hostile = Array.from({ length: 20 }, (_, index) => uploadOf(`bad${index}`, { storageKey: bad }));
    const { repository, ai, storage: originals } = worldOf([...hostile, uploadOf("good")]);
    const storage = fileStorage(folder);
    const options = { contentType: "image/jpeg", signal: new AbortController().signal };
    await storage.write("originals/good.jpg", originals.get("originals/good.jpg") as Uint8Array, options);
    const processor = new BatchProcessor({ storage, ai, repository, concurrency: 1 });
    const paused = vi.fn();
    processor.on("batch:paused", paused);
    expect(await processor.process("batch")).toMatchObject({ status: "completed", completed: 1, failed: 20 });
    expect(paused).not.toHaveBeenCalled();
    expect((await statusesIn(repository)).good).toBe("completed");
  },
);
