import { describe, expect, it, vi } from "vitest";
import { memoryStorage } from "../../src/adapters/memory.js";
import { BatchProcessor, derivedKeys, processUploadWithRetry, splitStorage } from "../../src/index.js";
import { testStorageContract } from "../../src/testing/storage-contract.js";
import { jpeg, uploadOf, worldOf } from "../support/fakes.js";

const options = () => ({ contentType: "image/jpeg", signal: new AbortController().signal });

describe("splitStorage", () => {
  testStorageContract({
    test: it,
    create: () => {
      const both = memoryStorage();
      return { storage: splitStorage({ originals: both, derived: both }) };
    },
  });

  it("reads from one, and writes to and deletes from the other", async () => {
    const [originals, derived] = [memoryStorage([["a", jpeg]]), memoryStorage([["a", Buffer.from("derived")]])];
    const storage = splitStorage({ originals, derived });
    expect(await storage.open("a", options())).toEqual({ bytes: new Uint8Array(jpeg) });
    await storage.write("b", Buffer.from("x"), options());
    expect(await storage.open("b", options())).toBeNull();
    await storage.delete("a");
    expect([originals.keys(), derived.keys()]).toEqual([["a"], ["b"]]);
  });

  it("keeps originals from being written and deleted, by whatever is done to uploads", async () => {
    const { repository, ai, storage: originals } = worldOf([uploadOf("1"), uploadOf("2")]);
    const derived = memoryStorage();
    const readOnly = { open: originals.open, write: vi.fn(), delete: vi.fn() };
    const storage = splitStorage({ originals: readOnly, derived });
    const deleted = {
      ...repository,
      // The row of the second one is gone when its thumbnail has been written.
      updateUpload: (async (id, changes, claim) => {
        if (id === "2" && derived.keys().includes("thumbnails/2.jpg")) await repository.deleteUpload("2");
        return repository.updateUpload(id, changes, claim);
      }) satisfies typeof repository.updateUpload,
    };
    for (const id of ["1", "2"]) await processUploadWithRetry(id, { storage, ai, repository: deleted });
    expect(derived.keys()).toEqual(["thumbnails/1.jpg"]);

    // Under another key the new thumbnail takes the place of the old one, which is deleted.
    const thumbnail = { key: ({ id }: { readonly id: string }) => `small/${id}.jpg` };
    const processor = new BatchProcessor({ storage, ai, repository, thumbnail });
    await processor.rerun({ ids: ["1"] }, "reprocess-all");
    expect(derived.keys()).toEqual(["small/1.jpg"]);

    const row = await repository.findUpload("1");
    for (const key of row === null ? [] : derivedKeys(row)) await storage.delete(key);
    expect(derived.keys()).toEqual([]);
    expect(originals.keys().sort()).toEqual(["originals/1.jpg", "originals/2.jpg"]);
    expect(readOnly.write).not.toHaveBeenCalled();
    expect(readOnly.delete).not.toHaveBeenCalled();
  });

  it("keeps the methods of a class", async () => {
    class Folder {
      readonly #objects = memoryStorage([["a", jpeg]]);
      open(key: string, given: { signal: AbortSignal }) {
        return this.#objects.open(key, given);
      }
      write(key: string, data: Uint8Array, given: ReturnType<typeof options>) {
        return this.#objects.write(key, data, given);
      }
      delete(key: string) {
        return this.#objects.delete(key);
      }
    }
    const storage = splitStorage({ originals: new Folder(), derived: new Folder() });
    expect(await storage.open("a", options())).not.toBeNull();
    await storage.write("b", jpeg, options());
    await storage.delete("b");
  });

  it.each([
    ["splitStorage: expected an object", undefined],
    ["splitStorage.originals: expected an object", { derived: memoryStorage() }],
    ["splitStorage.derived: expected an object", { originals: memoryStorage() }],
    ["splitStorage.derived.write: expected a function", { originals: memoryStorage(), derived: { open: () => {} } }],
    ["splitStorage.thumbnails: unknown", { originals: memoryStorage(), derived: memoryStorage(), thumbnails: 1 }],
  ])("no misuse: %s", (message, storages) => {
    const error = { code: "INVALID_CONFIGURATION", message: expect.stringContaining(message) };
    expect(() => splitStorage(storages as never)).toThrow(expect.objectContaining(error));
  });
});
