import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, beforeEach, describe, expect, it, test } from "vitest";
import { fileStorage } from "../../src/adapters/fs.js";
import { memoryStorage } from "../../src/adapters/memory.js";
import type { StorageAdapter } from "../../src/index.js";
import { testStorageContract } from "../../src/testing/storage-contract.js";

const { signal } = new AbortController();
const options = { contentType: "image/jpeg", signal };
const refusal = { code: "STORAGE_FAILED", retryable: false, message: expect.stringContaining("does not take the key") };

/** A folder with the root in it and something beside it that nobody may touch. */
let around: string;
let root: string;
let storage: StorageAdapter;
beforeEach(async () => {
  around = await mkdtemp(join(tmpdir(), "storage-test-"));
  root = join(around, "root");
  await mkdir(root);
  await mkdir(join(around, "outside"));
  await writeFile(join(around, "outside", "secret.txt"), "secret");
  storage = fileStorage(root);
});
afterEach(async () => {
  expect(await readdir(around)).toEqual(["outside", "root"]);
  expect(await readdir(join(around, "outside"))).toEqual(["secret.txt"]);
  expect(await readFile(join(around, "outside", "secret.txt"), "utf8")).toBe("secret");
  const left = await readdir(around, { recursive: true });
  expect(left.filter((path) => path.includes(".upload-processor-"))).toEqual([]);
  await rm(around, { recursive: true });
});

describe("memoryStorage", () => {
  testStorageContract({ test, create: () => ({ storage: memoryStorage() }) });
});

describe("fileStorage", () => {
  testStorageContract({ test, create: () => ({ storage }), paths: true });

  it("keeps objects as files at their keys, and opens them by path", async () => {
    await storage.write("a/b/c.jpg", Buffer.from("x"), options);
    const path = join(root, "a", "b", "c.jpg");
    expect(await readFile(path, "utf8")).toBe("x");
    expect(await storage.open("a/b/c.jpg", { signal })).toEqual({ path });
  });

  it("refuses to write where a folder is, and says which key", async () => {
    await storage.write("a/b.jpg", Buffer.from("x"), options);
    await expect(storage.write("a", Buffer.from("x"), options)).rejects.toMatchObject({
      ...{ code: "STORAGE_FAILED", fault: "upload", retryable: false },
      message: 'fileStorage does not take the key "a": a folder is there',
    });
  });

  it("refuses to write below a file, and says which key", async () => {
    await storage.write("a", Buffer.from("x"), options);
    for (const key of ["a/b.jpg", "a/b/c.jpg"])
      await expect(storage.write(key, Buffer.from("x"), options)).rejects.toMatchObject({
        ...{ code: "STORAGE_FAILED", fault: "upload", retryable: false },
        message: `fileStorage does not take the key "${key}": what should be a folder in it is a file`,
      });
  });

  it("takes names as long as names can be", async () => {
    const key = `${"f".repeat(255)}/${"n".repeat(255)}`;
    await storage.write(key, Buffer.from("x"), options);
    expect(await storage.open(key, { signal })).not.toBeNull();
  });

  it.each([
    ["a path", () => root],
    ["a path with a slash at its end", () => `${root}/`],
    ["a URL", () => pathToFileURL(root)],
    ["a URL as a string", () => pathToFileURL(`${root}/`).href],
  ])("takes its root as %s", async (_, given) => {
    await fileStorage(given()).write("x", Buffer.from("x"), options);
    expect(await readdir(root)).toEqual(["x"]);
  });

  it.each([["", undefined, null, 7, new URL("https://example.com/photos"), "file://%"]].flat())(
    "does not take %j for a root",
    (given) => {
      expect(() => fileStorage(given as string)).toThrow(
        expect.objectContaining({ code: "INVALID_CONFIGURATION", message: expect.stringContaining("fileStorage") }),
      );
    },
  );

  it("creates a missing root for a write, but does not take it for an empty storage", async () => {
    const missing = fileStorage(join(root, "not", "mounted"));
    const failure = { code: "STORAGE_FAILED", retryable: true, message: expect.stringContaining("root") };
    await expect(missing.open("x", { signal })).rejects.toMatchObject(failure);
    await expect(missing.delete("x")).rejects.toMatchObject(failure);
    await missing.write("x", Buffer.from("x"), options);
    expect(await missing.open("x", { signal })).toEqual({ path: join(root, "not", "mounted", "x") });
  });

  it("follows a root that is a link", async () => {
    await mkdir(join(root, "releases"));
    await symlink(join(root, "releases"), join(root, "current"));
    await fileStorage(join(root, "current")).write("x", Buffer.from("x"), options);
    expect(await readdir(join(root, "releases"))).toEqual(["x"]);
  });

  it("removes its temporary file when it cannot finish", async () => {
    await mkdir(join(root, "folder"));
    await expect(storage.write("folder", Buffer.from("x"), options)).rejects.toThrow();
    expect(await readdir(root)).toEqual(["folder"]);
    await storage.delete("folder");
    expect(await readdir(root)).toEqual(["folder"]);
  });

  describe("with symbolic links in its root", () => {
    const everyCall = (key: string) => [
      () => storage.open(key, { signal }),
      () => storage.write(key, Buffer.from("escaped"), options),
      () => storage.delete(key),
    ];

    it.each([
      ["an absolute one to a folder", () => join(around, "outside"), "link/secret.txt"],
      ["a relative one to a folder", () => "../outside", "link/secret.txt"],
      ["one to a folder, with more to create below", () => "../outside", "link/new/new.txt"],
      ["one to a file", () => "../outside/secret.txt", "link"],
      ["one to a folder whose name begins like the root", () => "../root-2", "link/x"],
    ])("refuses what leads outside: %s", async (_, target, key) => {
      await mkdir(join(around, "root-2"));
      await symlink(target(), join(root, "link"));
      for (const call of everyCall(key)) await expect(call()).rejects.toMatchObject(refusal);
      expect(await readdir(join(around, "root-2"))).toEqual([]);
      await rm(join(around, "root-2"), { recursive: true });
      expect(await readdir(root)).toEqual(["link"]);
    });

    it("writes and deletes nothing outside by way of a link there that leads back", async () => {
      await writeFile(join(root, "y"), "y");
      await symlink("../outside", join(root, "link"));
      await symlink("../root/y", join(around, "outside", "back"));
      await expect(storage.write("link/back", Buffer.from("escaped"), options)).rejects.toMatchObject(refusal);
      await expect(storage.delete("link/back")).rejects.toMatchObject(refusal);
      expect(await storage.open("link/back", { signal })).toEqual({ path: join(root, "y") });
      await rm(join(around, "outside", "back"));
      expect(await readFile(join(root, "y"), "utf8")).toBe("y");
    });

    it("does not create what a broken one names outside", async () => {
      await symlink("../outside/new", join(root, "link"));
      expect(await storage.open("link", { signal })).toBeNull();
      expect(await storage.open("link/x", { signal })).toBeNull();
      await expect(storage.write("link/x", Buffer.from("escaped"), options)).rejects.toThrow();
      await storage.delete("link/x");
      // The link itself is an ordinary name: it is replaced.
      await storage.write("link", Buffer.from("inside"), options);
      expect(await readFile(join(root, "link"), "utf8")).toBe("inside");
    });

    it("follows those that stay inside, and replaces and deletes the link, not what it names", async () => {
      await mkdir(join(root, "originals"));
      await writeFile(join(root, "originals", "x"), "original");
      await symlink("originals", join(root, "folder"));
      await symlink("originals/x", join(root, "file"));
      expect(await storage.open("folder/x", { signal })).toEqual({ path: join(root, "originals", "x") });
      expect(await storage.open("file", { signal })).toEqual({ path: join(root, "originals", "x") });
      await storage.write("folder/y", Buffer.from("y"), options);
      await storage.write("file", Buffer.from("replaced"), options);
      expect(await readFile(join(root, "originals", "x"), "utf8")).toBe("original");
      expect(await readFile(join(root, "file"), "utf8")).toBe("replaced");
      await rm(join(root, "file"));
      await symlink("originals/x", join(root, "file"));
      await storage.delete("file");
      expect(await readdir(root)).toEqual(["folder", "originals"]);
      expect(await readdir(join(root, "originals"))).toEqual(["x", "y"]);
    });
  });
});
