import { expect, test } from "vitest";
import { BatchProcessor, derivedKeys, type UploadRecord } from "../../src/index.js";
import { adaptersOf, finished, overStores } from "../support/stores.js";

const refused = () => Object.assign(new Error("refused"), { status: 400 });

overStores((open) => {
  /** A redo that failed when its pictures were made, each under a key of its version. */
  async function failedRedo() {
    const store = await open([finished("a")]);
    const adapters = adaptersOf(store);
    const redo = (version: string) =>
      new BatchProcessor({
        ...adapters,
        ai: { ...adapters.ai, version },
        retry: { maxAttempts: 1 },
        thumbnail: { key: ({ id }: UploadRecord) => `small/${id}-${version}.jpg` },
        renditions: { large: { size: 64, key: ({ id }: UploadRecord) => `large/${id}-${version}.jpg` } },
      });
    const made = () => ["v2", "v3", "v4"].flatMap((version) => [`small/a-${version}.jpg`, `large/a-${version}.jpg`]);
    const stored = () => [...made(), "old/a.jpg"].filter((key) => adapters.storage.get(key) !== undefined);
    for (const version of ["v2", "v3"]) {
      adapters.ai.script.embed.throws(refused());
      expect(await redo(version).rerun({ all: true }, "reprocess")).toMatchObject({ failed: 1, kept: 1 });
    }
    expect(stored()).toEqual(["small/a-v2.jpg", "large/a-v2.jpg", "small/a-v3.jpg", "large/a-v3.jpg", "old/a.jpg"]);
    return { store, redo, stored };
  }

  test("what a redo made that failed is removed when another one is completed", async () => {
    const { store, redo, stored } = await failedRedo();
    expect(await redo("v4").rerun({ all: true }, "reprocess-all")).toMatchObject({ completed: 1 });
    expect(stored()).toEqual(["small/a-v4.jpg", "large/a-v4.jpg"]);
    expect(await store.repository.findUpload("a")).toMatchObject({ thumbnailKey: "small/a-v4.jpg", draft: null });
  });

  test("or when the redos are undone; until then a delete endpoint is told of it", async () => {
    const { store, redo, stored } = await failedRedo();
    const row = await store.repository.findUpload("a");
    expect(derivedKeys(row ?? finished("a")).toSorted()).toEqual(stored().toSorted());
    expect(await redo("v4").undo({ all: true })).toBe(1);
    expect(stored()).toEqual(["old/a.jpg"]);
  });
});
