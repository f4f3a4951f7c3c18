import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { meaningOnWindows } from "../../src/adapters/fs/windows.js";
import { fileStorage } from "../../src/adapters/fs.js";
import { memoryRepository, memoryStorage } from "../../src/adapters/memory.js";
import { processUploadWithRetry, type StorageAdapter, type UploadRecord } from "../../src/index.js";
import { jpeg } from "../support/fakes.js";

const { signal } = new AbortController();
const options = { contentType: "image/jpeg", signal };
const refusal = { code: "STORAGE_FAILED", retryable: false, message: expect.stringContaining("does not take the key") };

/** A root with a neighbour that no key may reach. */
let around: string;
let root: string;
let storage: StorageAdapter;
beforeEach(async () => {
  around = await mkdtemp(join(tmpdir(), "security-keys-"));
  root = join(around, "root");
  await mkdir(root);
  await writeFile(join(around, "x"), "outside");
  await writeFile(join(around, "x.jpg"), "outside");
  storage = fileStorage(root);
});
afterEach(async () => {
  expect((await readdir(around)).sort()).toEqual(["root", "x", "x.jpg"]);
  for (const name of ["x", "x.jpg"]) expect(await readFile(join(around, name), "utf8")).toBe("outside");
  await rm(around, { recursive: true });
});

const filesIn = async (folder: string) => {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1));
};

describe("fileStorage", () => {
  test.each(
    [
      ...[
        "../x",
        "..",
        "a/../../x",
        "..\\x",
        "C:\\x",
        "c:x",
        "\\\\host\\x",
        "\\\\?\\C:\\x",
        "/etc/passwd",
        "x\0",
        "a/\0/../../x",
      ],
      ...["\ud800", "a\udfff", "%2e%2e/../../x", "x/".repeat(600).concat("x"), "é".repeat(128), ""],
      ...[undefined, null, 7, 7n, Symbol("x"), {}, ["..", "x"], { toString: () => "../x" }],
    ].map((key) => [inspect(key), key as string] as const),
  )("does not take %s", async (_, key) => {
    for (const call of [
      () => storage.open(key, { signal }),
      () => storage.write(key, Buffer.from("escaped"), options),
      () => storage.delete(key),
    ])
      await expect(call()).rejects.toMatchObject(refusal);
    expect(await readdir(root)).toEqual([]);
  });

  test.each([
    ...[
      "．．／x",
      "‥／x",
      "..∕x",
      "..⁄x",
      "..＼x",
      "%2e%2e%2fx",
      "..%2fx",
      "..%c0%afx",
      "..\u00c0\u00afx",
      "%00",
      "...",
    ],
    ...["~", "-rf", "$(id)", "a\nb", "a\u001b[31mb", "a\u202eb", "__proto__", "constructor", "a'b\"c", "a b", "*", "?"],
  ])("takes %j for the name of one file in the root", async (key) => {
    await storage.write(key, Buffer.from("data"), options);
    expect(await filesIn(root)).toEqual([key]);
    const opened = await storage.open(key, { signal });
    expect(opened).toEqual({ path: join(root, key) });
    await storage.delete(key);
    expect(await filesIn(root)).toEqual([]);
  });

  test("composed and decomposed letters are two files, where the file system tells them apart", async () => {
    const [composed, decomposed] = ["caf\u00e9.jpg", "cafe\u0301.jpg"];
    await storage.write(composed, Buffer.from("1"), options);
    if ((await storage.open(decomposed, { signal })) !== null) return; // as on macOS: one file, which the docs tell
    await storage.write(decomposed, Buffer.from("2"), options);
    expect(await readFile(join(root, composed), "utf8")).toBe("1");
  });

  test("does not open, replace or delete what a link in the place of a folder leads to", async () => {
    await symlink("..", join(root, "thumbnails"));
    await expect(storage.open("thumbnails/x.jpg", { signal })).rejects.toMatchObject(refusal);
    await expect(storage.write("thumbnails/x.jpg", Buffer.from("escaped"), options)).rejects.toMatchObject(refusal);
    await expect(storage.delete("thumbnails/x.jpg")).rejects.toMatchObject(refusal);
  });

  test.each([
    ...["CON", "con", "nul.jpg", "NUL .txt", "com1", "COM9.tar.gz", "lpt¹", "CONIN$", "aux.c", "PRN"],
    ...["a:b", "x.jpg:hidden", "c:", "x::$DATA", "x.", "x ", "x. .", "a<b", "a|b", "a?b", "a*b", 'a"b', "a\nb"],
  ])("on Windows, %j is no name of a file", (name) => {
    expect(meaningOnWindows(name)).toEqual(expect.any(String));
  });

  test.each(["console", "nullable.jpg", "com10", "com", "xcon", "lpt", "a.con", ".x", "a..b", "CONX$", "é.jpg", "a b"])(
    "on Windows, %j is",
    (name) => {
      expect(meaningOnWindows(name)).toBeUndefined();
    },
  );
});

describe("ids in keys, with fileStorage", () => {
  async function complete(id: string) {
    const upload: UploadRecord = { id, storageKey: "originals/own.jpg", status: "pending" };
    const repository = memoryRepository<UploadRecord>({ uploads: [upload] });
    await storage.write("originals/own.jpg", jpeg, options);
    const ai = { describe: async () => "text" };
    const result = await processUploadWithRetry(id, { storage, ai, repository });
    return { result, stored: await repository.findUpload(id) };
  }

  // The rules for all storages come first, those of the file system on top of them.
  const ofAll = ["../../x", "../x", "a/../../../x", "../originals/own", "..\\..\\x", "a\0", "/etc/x", "a//b"];
  const ofFiles = ["\ud800", "i".repeat(300)];

  test.each([
    ...ofAll.map((id) => [id, "THUMBNAIL_FAILED"] as const),
    ...ofFiles.map((id) => [id, "STORAGE_FAILED"] as const),
  ])("%j: the upload is completed without a thumbnail, and no other file is touched", async (id, code) => {
    const { result, stored } = await complete(id);
    expect(result).toMatchObject({ status: "completed", warnings: [{ stage: "thumbnail", code }] });
    expect(stored).toMatchObject({ status: "completed", description: "text" });
    expect(stored?.thumbnailKey ?? null).toBeNull();
    expect(await filesIn(root)).toEqual(["originals/own.jpg"]);
    expect((await readFile(join(root, "originals/own.jpg"))).equals(jpeg)).toBe(true);
  });

  test.each(["__proto__", "constructor", "a\nb", "a\u001b[2Jb", "a.jpg", "1/2", "．．／x", "%2e%2e%2fx", "é"])(
    "%j: the thumbnail is a file of its own",
    async (id) => {
      const { result } = await complete(id);
      expect(result).toMatchObject({
        status: "completed",
        warnings: [],
        upload: { thumbnailKey: `thumbnails/${id}.jpg` },
      });
      expect((await filesIn(root)).sort()).toEqual(["originals/own.jpg", `thumbnails/${id}.jpg`].sort());
    },
  );

  test.runIf(process.platform === "linux")("ids that look alike do not share a thumbnail", async () => {
    const ids = ["a", "a.jpg", "A", "a ", " a", "a\n", "a\u200b", "a/b", "a%2Fb", "é", "e\u0301", "á", "а"];
    const uploads = ids.map((id) => ({ id, storageKey: "originals/own.jpg", status: "pending" as const }));
    const repository = memoryRepository<UploadRecord>({ uploads });
    await storage.write("originals/own.jpg", jpeg, options);
    const ai = { describe: async () => "text" };
    for (const id of ids) await processUploadWithRetry(id, { storage, ai, repository });
    const keys = await Promise.all(ids.map(async (id) => (await repository.findUpload(id))?.thumbnailKey));
    expect(new Set(keys).size).toBe(ids.length);
    expect((await filesIn(root)).length).toBe(1 + ids.length);
  });

  test("an empty id is misuse", async () => {
    const repository = memoryRepository<UploadRecord>({ uploads: [{ id: "", storageKey: "x", status: "pending" }] });
    const adapters = { storage, ai: { describe: async () => "text" }, repository };
    await expect(processUploadWithRetry("", adapters)).rejects.toMatchObject({ code: "INVALID_CONFIGURATION" });
  });
});

test("memoryStorage takes a key as it is: none leads to another object", async () => {
  const keys = ["x", "../x", "a/../x", "./x", "/x", "x\0", "\ud800", "\udfff", "__proto__", "é", "e\u0301"];
  const memory = memoryStorage(keys.map((key) => [key, Buffer.from(key, "utf16le")]));
  for (const key of keys) expect(memory.get(key)).toEqual(new Uint8Array(Buffer.from(key, "utf16le")));
  await memory.delete("a/../x");
  expect(memory.get("x")).toBeDefined();
  expect(memory.keys()).toHaveLength(keys.length - 1);
});
