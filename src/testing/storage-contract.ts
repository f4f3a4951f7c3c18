import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { setImmediate as immediate } from "node:timers/promises";
import type { StorageAdapter } from "../contracts/storage.js";
import { KEYS_THAT_ESCAPE, LOOKALIKES } from "./storage/keys.js";
import { createSetup, isRefusal, type Setup } from "./storage/setup.js";

/** A storage under test. */
export interface StorageFixture {
  readonly storage: StorageAdapter;
}

export interface StorageContractOptions {
  /** Registers a test: `test` of vitest, Jest or `node:test`. */
  readonly test: (name: string, body: () => Promise<void>) => unknown;
  /** Called at the start of every test. The storage may be shared: keys are never used twice, and are deleted again. */
  readonly create: () => StorageFixture | Promise<StorageFixture>;
  /** `true`: keys become paths of a file system, and what would leave its root has to be refused. @default false */
  readonly paths?: boolean | undefined;
  /**
   * `true`: keys of other characters than letters from a to z, digits and `/ . - _` may be refused for good, where they would
   * have to be taken otherwise. @default false
   */
  readonly plainKeys?: boolean | undefined;
}

/**
 * Registers the tests that every storage has to pass for the library to keep its promises. Bound to no test runner; a failed
 * expectation throws the `AssertionError` of `node:assert`.
 *
 * @example
 * import { test } from "node:test";
 *
 * testStorageContract({ test, create: () => ({ storage: bucketStorage(bucket) }) });
 */
export function testStorageContract({ test, create, paths = false, plainKeys = false }: StorageContractOptions): void {
  const it = (name: string, body: (setup: Setup) => Promise<void>) =>
    test(name, async () => {
      const setup = createSetup((await create()).storage);
      try {
        await body(setup);
      } finally {
        await setup.cleanUp();
      }
    });

  it("reads what was written, byte for byte", async ({ newKey, write, read }) => {
    for (const data of [randomBytes(0), randomBytes(1), randomBytes(100_000)]) {
      const key = newKey();
      await write(key, data);
      assertSame(await read(key), data);
    }
  });

  it("writes the part of a buffer that it was given", async ({ newKey, write, read }) => {
    const key = newKey();
    await write(key, new Uint8Array(Buffer.from("..data..")).subarray(2, 6));
    assertSame(await read(key), Buffer.from("data"));
  });

  it("does not share its memory with its callers", async ({ newKey, write, read }) => {
    const key = newKey();
    const data = Buffer.from("as it was written");
    await write(key, data);
    data.fill(0);
    (await read(key))?.fill(1);
    assertSame(await read(key), Buffer.from("as it was written"));
  });

  it("answers with null for what is not there", async ({ newKey, read, write }) => {
    const key = newKey("folder/name");
    assert.equal(await read(key), null);
    await write(key, Buffer.from("x"));
    assert.equal(await read(`${key}.other`), null);
    assert.equal(await read(`${key}/below`), null);
    assert.equal(await read(key.slice(0, key.lastIndexOf("/"))), null, "a folder is no object");
  });

  it("overwrites", async ({ newKey, write, read }) => {
    const key = newKey();
    await write(key, randomBytes(5000));
    await write(key, Buffer.from("short"));
    assertSame(await read(key), Buffer.from("short"));
  });

  it("shows readers the old object or the new one, never a part", async ({ newKey, write, read }) => {
    const key = newKey();
    const versions = [..."abcdefgh"].map((letter) => Buffer.alloc(300_000, letter));
    await write(key, versions[0] as Buffer);
    let writing = true;
    const reader = async () => {
      while (writing) {
        const seen = await read(key);
        assert.ok(seen !== null, "an object vanished while it was overwritten");
        assert.ok(
          versions.some((version) => version.equals(seen)),
          `a reader saw ${seen.length} bytes that were never written as one object`,
        );
        await immediate(); // a storage that has no need to wait would let no timer run, and no write come to its end
      }
    };
    const readers = Promise.all([reader(), reader(), reader()]);
    readers.catch(() => {}); // it is awaited below: until then, a rejection would count as one that nobody handles
    try {
      for (let round = 0; round < 4; round++) for (const version of versions) await write(key, version);
    } finally {
      writing = false;
      await readers;
    }
  });

  it("takes writes of one key that come at once", async ({ newKey, write, read }) => {
    const key = newKey("new/folder/name");
    const versions = Array.from({ length: 10 }, () => randomBytes(50_000));
    await Promise.all(versions.map((version) => write(key, version)));
    const left = await read(key);
    assert.ok(left !== null && versions.some((version) => version.equals(left)), "what is left is none of the objects");
  });

  it("deletes, and does not mind when there is nothing to delete", async ({ newKey, write, read, storage }) => {
    const key = newKey("folder/name");
    await storage.delete(key);
    await write(key, Buffer.from("x"));
    await write(`${key}2`, Buffer.from("neighbour"));
    await storage.delete(key);
    assert.equal(await read(key), null);
    await storage.delete(key);
    await Promise.all([storage.delete(key), storage.delete(key)]);
    await storage.delete(`${key}/below`);
    assertSame(await read(`${key}2`), Buffer.from("neighbour"));
  });

  it("tells keys apart, nested and in every script", async ({ newKey, write, read }) => {
    const names = [
      "a",
      "a.b",
      "b/a",
      "b/a.b",
      "b/c/d/e/f",
      "Bilder/Käse 1.jpg",
      "写真/猫.jpg",
      "📷",
      "%2e%2e",
      "a b",
      "a_b",
      "a%20b",
      "b%2Fa",
      "..a",
      "a..",
      // The file system of a Mac or of Windows takes these for those above.
      ...(paths ? [] : ["A", "B/A", "bilder/käse 1.jpg"]),
    ];
    const taken: { key: string; data: Buffer }[] = [];
    for (const name of names) {
      const [key, data] = [newKey(name), Buffer.from(`object ${name}`)];
      const refusal = await write(key, data).then(
        () => null,
        (error: unknown) => error,
      );
      if (refusal === null) taken.push({ key, data });
      else if (plainKeys && !PLAIN.test(name)) assertRefused(refusal);
      else throw refusal;
    }
    for (const { key, data } of taken) assertSame(await read(key), data);
  });

  it("does nothing on a signal that is aborted already", async ({ newKey, write, read, storage }) => {
    const key = newKey();
    const signal = AbortSignal.abort();
    await assert.rejects(write(key, Buffer.from("x"), signal));
    assert.equal(await read(key), null);
    await write(key, Buffer.from("old"));
    await assert.rejects(write(key, Buffer.from("new"), signal));
    assertSame(await read(key), Buffer.from("old"));
    await assert.rejects(storage.open(key, { signal }));
  });

  it("leaves the old object or the new one when it is aborted in the middle of a write", async ({
    newKey,
    write,
    read,
  }) => {
    const [before, after] = [Buffer.alloc(2_000_000, "a"), Buffer.alloc(2_000_000, "b")];
    for (const delayMs of [0, 1, 3]) {
      const key = newKey();
      await write(key, before);
      const controller = new AbortController();
      const timer = setTimeout(() => controller.abort(), delayMs);
      const outcome = await write(key, after, controller.signal).then(
        () => "written",
        () => "rejected",
      );
      clearTimeout(timer);
      const left = await read(key);
      assert.ok(left !== null && (left.equals(before) || left.equals(after)), "a part of an object was left");
      if (outcome === "written") assertSame(left, after);
    }
  });

  if (!paths) return;

  it("takes what only looks like a way out for a name, or refuses it for good", async ({ newKey, write, read }) => {
    const taken: { key: string; data: Buffer }[] = [];
    for (const [index, name] of LOOKALIKES.entries()) {
      const [key, data] = [newKey(`${index}/${name}`), Buffer.from(`object ${name}`)];
      const refusal = await write(key, data).then(
        () => null,
        (error: unknown) => error,
      );
      if (refusal === null) taken.push({ key, data });
      else assertRefused(refusal);
    }
    for (const { key, data } of taken) assertSame(await read(key), data);
  });

  for (const key of KEYS_THAT_ESCAPE) {
    const name = JSON.stringify(key.length > 40 ? `${key.slice(0, 40)}…` : key);
    it(`refuses the key ${name} for good`, async ({ write, read, storage }) => {
      for (const call of [() => read(key), () => write(key, Buffer.from("escaped")), () => storage.delete(key)])
        await assert.rejects(call(), (error) => {
          assertRefused(error);
          return true;
        });
    });
  }
}

/** Letters, digits and `/ . - _`, with a letter or digit at either end of a part. */
const PLAIN = /^[A-Za-z0-9](?:[A-Za-z0-9/._-]*[A-Za-z0-9])?$/;

function assertRefused(error: unknown): void {
  assert.ok(isRefusal(error), `the error has to be marked as not retryable: ${String(error)}`);
}

function assertSame(actual: Buffer | null, expected: Buffer): void {
  // Not deepEqual: of two large buffers it would print every byte.
  const shown = actual === null ? "nothing" : `${actual.length} bytes`;
  assert.ok(actual?.equals(expected), `expected the ${expected.length} bytes that were written, got ${shown}`);
}
