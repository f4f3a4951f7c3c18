import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type MemoryStorage, memoryStorage } from "../../src/adapters/memory.js";
import type { StorageAdapter } from "../../src/index.js";
import { testStorageContract } from "../../src/testing/index.js";
import { failingChecks } from "./failing-checks.js";

/** What a flawed storage does in another way than the memory storage that it stands upon. */
type Flaw = (memory: MemoryStorage) => Partial<StorageAdapter>;

const failuresOf = (create: () => StorageAdapter, options = {}) =>
  failingChecks((test) => testStorageContract({ test, create: () => ({ storage: create() }), ...options }));

const flaws: Record<string, { readonly caughtBy: string; readonly flaw: Flaw }> = {
  "a write that is not atomic": {
    caughtBy: "shows readers the old object or the new one, never a part",
    flaw: (memory) => ({
      async write(key, data, options) {
        await memory.write(key, data.subarray(0, data.length / 2), options);
        await sleep(0);
        await memory.write(key, data, options);
      },
    }),
  },
  "a write that deletes the old object first": {
    caughtBy: "shows readers the old object or the new one, never a part",
    flaw: (memory) => ({
      async write(key, data, options) {
        await memory.delete(key);
        await sleep(0);
        await memory.write(key, data, options);
      },
    }),
  },
  "a write that keeps what was there": {
    caughtBy: "overwrites",
    flaw: (memory) => ({
      write: async (key, data, options) =>
        memory.get(key) === undefined ? memory.write(key, data, options) : undefined,
    }),
  },
  "a write that does not look at its signal": {
    caughtBy: "does nothing on a signal that is aborted already",
    flaw: (memory) => ({ write: async (key, data) => memory.put(key, data) }),
  },
  "a write of the whole memory behind a part of a buffer": {
    caughtBy: "writes the part of a buffer that it was given",
    flaw: (memory) => ({ write: (key, data, options) => memory.write(key, new Uint8Array(data.buffer), options) }),
  },
  "a delete that throws when there is nothing to delete": {
    caughtBy: "deletes, and does not mind when there is nothing to delete",
    flaw: (memory) => ({
      async delete(key) {
        if (memory.get(key) === undefined) throw new Error("NoSuchKey");
        await memory.delete(key);
      },
    }),
  },
  "a delete of all that begins with the key": {
    caughtBy: "deletes, and does not mind when there is nothing to delete",
    flaw: (memory) => ({
      async delete(key) {
        for (const other of memory.keys()) if (other.startsWith(key)) await memory.delete(other);
      },
    }),
  },
  "an open that throws instead of null": {
    caughtBy: "answers with null for what is not there",
    flaw: (memory) => ({
      async open(key, options) {
        const opened = await memory.open(key, options);
        if (opened === null) throw new Error("NoSuchKey");
        return opened;
      },
    }),
  },
  "an open that hands out the storage's own memory": {
    caughtBy: "does not share its memory with its callers",
    flaw: () => {
      const own = new Map<string, Uint8Array>();
      return {
        write: async (key, data) => void own.set(key, new Uint8Array(data)),
        open: async (key) => ({ bytes: own.get(key) ?? new Uint8Array() }),
      };
    },
  },
  "keys that are one when their odd characters are replaced": {
    caughtBy: "tells keys apart, nested and in every script",
    flaw: (memory) => {
      const flat = (key: string) => key.replace(/[^\w/.-]/gu, "_");
      return {
        open: (key, options) => memory.open(flat(key), options),
        write: (key, data, options) => memory.write(flat(key), data, options),
        delete: (key) => memory.delete(flat(key)),
      };
    },
  },
  "keys that are one when their case is folded": {
    caughtBy: "tells keys apart, nested and in every script",
    flaw: (memory) => ({
      open: (key, options) => memory.open(key.toLowerCase(), options),
      write: (key, data, options) => memory.write(key.toLowerCase(), data, options),
      delete: (key) => memory.delete(key.toLowerCase()),
    }),
  },
};

describe("testStorageContract", () => {
  test("passes a storage without a flaw", async () => {
    expect(await failuresOf(() => memoryStorage())).toEqual([]);
  });

  test("passes a storage that reads at once, and writes after a while", async () => {
    const create = () => {
      const memory = memoryStorage();
      const write: StorageAdapter["write"] = async (key, data, options) => {
        await sleep(1);
        await memory.write(key, data, options);
      };
      return { ...memory, write };
    };
    expect(await failuresOf(create)).toEqual([]);
  });

  for (const [name, { caughtBy, flaw }] of Object.entries(flaws))
    test(`catches ${name}`, async () => {
      const create = () => {
        const memory = memoryStorage();
        return { ...memory, ...flaw(memory) };
      };
      expect(await failuresOf(create)).toContain(caughtBy);
    });

  describe("over a storage of plain keys", () => {
    const check = "tells keys apart, nested and in every script";
    /** Refuses what has other characters than these, in this way. */
    const choosy = (allowed: RegExp, retryable: boolean) => () => {
      const memory = memoryStorage();
      const write: StorageAdapter["write"] = async (key, data, options) => {
        if (!allowed.test(key)) throw Object.assign(new Error(`refused: ${key}`), { retryable });
        await memory.write(key, data, options);
      };
      return { ...memory, write };
    };

    test("passes one that refuses the others for good, where that is said", async () => {
      const create = choosy(/^[\w./-]+$/, false);
      expect(await failuresOf(create, { plainKeys: true })).toEqual([]);
      expect(await failuresOf(create)).toEqual([check]);
    });

    test("catches a refusal that would be tried again, and one of a plain key", async () => {
      expect(await failuresOf(choosy(/^[\w./-]+$/, true), { plainKeys: true })).toEqual([check]);
      expect(await failuresOf(choosy(/^[a-z\d/-]+$/, false), { plainKeys: true })).toContain(check);
    });
  });

  describe("over the paths of a file system", () => {
    let around: string;
    beforeEach(async () => {
      around = await mkdtemp(join(tmpdir(), "flawed-storage-"));
    });
    afterEach(() => rm(around, { recursive: true }));

    /** Takes keys for paths as they are. What it lets escape stays in the temporary folder. */
    function trustingStorage(root: string): StorageAdapter {
      return {
        async open(key) {
          const bytes = await readFile(join(root, key)).catch(() => null);
          return bytes && { bytes };
        },
        async write(key, data) {
          await mkdir(dirname(join(root, key)), { recursive: true });
          await writeFile(join(root, key), data);
        },
        delete: (key) => rm(join(root, key), { force: true }),
      };
    }

    test("catches keys that escape", async () => {
      const failures = await failuresOf(() => trustingStorage(join(around, "a", "root")), { paths: true });
      for (const key of ["..", "../x", "a/../../x", "/x", "..\\x", "C:\\x", ""])
        expect(failures).toContain(`refuses the key ${JSON.stringify(key)} for good`);
    });

    test("catches a refusal that would be tried again", async () => {
      const refusing: StorageAdapter = {
        open: () => Promise.reject(new Error("no such key")),
        write: () => Promise.reject(new Error("no such key")),
        delete: () => Promise.reject(new Error("no such key")),
      };
      expect(await failuresOf(() => refusing, { paths: true })).toContain('refuses the key "../x" for good');
    });
  });
});
