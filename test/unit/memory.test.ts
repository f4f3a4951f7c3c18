import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { memoryRepository, memoryStorage } from "../../src/adapters/memory.js";
import type { UploadSelection } from "../../src/contracts/repository.js";
import { ConfigurationError } from "../../src/errors.js";
import { testRepositoryContract } from "../../src/testing/index.js";

const { signal } = new AbortController();

describe("memoryRepository", () => {
  test("holds the records that it is made of, with fields of the user's own", async () => {
    const uploads = [{ id: "1", storageKey: "a.jpg", status: "pending" as const, album: { name: "Summer" } }];
    const repository = memoryRepository({ uploads, batches: [{ id: "b", status: "pending" }] });
    uploads[0]?.album && Object.assign(uploads[0].album, { name: "changed outside" });
    expect(await repository.findUpload("1")).toEqual({ ...uploads[0], album: { name: "Summer" } });
    expect(await repository.findBatch("b")).toEqual({ id: "b", status: "pending" });
  });

  test("what is handed out and in is never the repository's own", async () => {
    const repository = memoryRepository({
      uploads: [{ id: "1", storageKey: "a.jpg", status: "pending", batchId: "b" }],
    });
    const embedding = [1, 2, 3];
    const tags = ["cat"];
    await repository.updateUpload("1", { embedding, metadata: { tags } });
    embedding[0] = 9;
    tags.push("dog");
    const handedOut = [
      await repository.findUpload("1"),
      (await repository.listUploads({ batchId: "b" }, { limit: 1 }))[0],
      (await repository.findSimilar([1, 2, 3], { limit: 1 }))[0]?.upload,
      await repository
        .claimUpload("1", { leaseMs: 1000, token: "t" })
        .then((answer) => "upload" in answer && answer.upload),
    ];
    for (const upload of handedOut) {
      expect(upload).toMatchObject({ embedding: [1, 2, 3], metadata: { tags: ["cat"] } });
      Object.assign(upload || {}, { status: "failed" });
      if (upload) Object.assign(upload.metadata ?? {}, { tags: [] });
      expect(await repository.findUpload("1")).toMatchObject({ metadata: { tags: ["cat"] } });
    }
    expect(await repository.findUpload("1")).toMatchObject({ status: "analyzing" });
  });

  test("leases run by the given clock", async () => {
    let now = 0;
    const repository = memoryRepository({ uploads: [{ id: "1", storageKey: "a", status: "pending" }], now: () => now });
    let claims = 0;
    const claim = () => repository.claimUpload("1", { leaseMs: 100, token: String(claims++) });
    expect(await claim()).toMatchObject({ outcome: "claimed", fence: 1 });
    now = 99;
    expect(await claim()).toEqual({ outcome: "busy", retryAfterMs: 1 });
    now = 100;
    expect(await claim()).toMatchObject({ outcome: "claimed", fence: 2, upload: { starts: 2 } });
  });

  test("a lease ends with the work: it does not hold for whoever begins without a claim", async () => {
    const repository = memoryRepository({ uploads: [{ id: "1", storageKey: "a", status: "pending" }] });
    await repository.claimUpload("1", { leaseMs: 60_000, token: "one" });
    await repository.updateUpload("1", { status: "pending" }, { fence: 1 });
    await repository.updateUpload("1", { status: "analyzing", starts: 1 });
    expect(await repository.claimUpload("1", { leaseMs: 1, token: "other" })).toMatchObject({ outcome: "claimed" });
  });

  test("leases run by the system's clock where none is given", async () => {
    const repository = memoryRepository({ uploads: [{ id: "1", storageKey: "a", status: "pending" }] });
    let claims = 0;
    const claim = (leaseMs: number) => repository.claimUpload("1", { leaseMs, token: String(claims++) });
    await claim(20);
    await sleep(40);
    expect(await claim(60_000)).toMatchObject({ outcome: "claimed", fence: 2 });
    expect(await claim(60_000)).toMatchObject({ outcome: "busy" });
  });

  test("an id is good for one upload", async () => {
    const upload = { id: "1", storageKey: "a", status: "pending" } as const;
    expect(() => memoryRepository({ uploads: [upload, upload] })).toThrow(ConfigurationError);
    const repository = memoryRepository({ uploads: [upload] });
    await expect(repository.addUploads([{ ...upload, id: "2" }, upload])).rejects.toThrow('got "1"');
    expect(await repository.findUpload("2")).toBeNull();
    await repository.addBatch({ id: "b", status: "pending" });
    await expect(repository.addBatch({ id: "b", status: "pending" })).rejects.toThrow(ConfigurationError);
  });

  test("deleteUpload answers with what was deleted", async () => {
    const upload = { id: "1", storageKey: "a", status: "completed", thumbnailKey: "t" } as const;
    const repository = memoryRepository({ uploads: [upload] });
    expect(await repository.deleteUpload("1")).toEqual(upload);
    expect(await repository.deleteUpload("1")).toBeNull();
    expect(await repository.findUpload("1")).toBeNull();
  });

  test("listUploads refuses a cursor that it cannot know", async () => {
    const after = { id: "unknown", storageKey: "a", status: "pending" } as const;
    await expect(memoryRepository().listUploads({ all: true }, { after, limit: 1 })).rejects.toThrow(
      ConfigurationError,
    );
  });

  test.each([
    [{}, "selection: expected { all: true } or a filter with at least one key, got neither"],
    [{ all: false }, "got neither"],
    [{ batchId: undefined }, "selection.batchId: expected a value, got undefined"],
    [{ ids: ["1"], batchId: undefined }, "selection.batchId"],
    [{ userId: "u", batch: "b" }, "batch"],
    ["batch", 'selection: expected an object such as { batchId: "1" }, got string'],
  ])("a selection such as %j never means the whole table", async (selection, message) => {
    const repository = memoryRepository({ uploads: [{ id: "1", storageKey: "a", status: "failed" }] });
    const wrong = selection as UploadSelection;
    for (const call of [
      () => repository.listUploads(wrong, { limit: 1 }),
      () => repository.countUploads(wrong),
      () => repository.resetUploads(wrong, "retry", "redo"),
      () => repository.resetUploads(wrong, "undo", "redo"),
    ]) {
      await expect(call()).rejects.toThrow(ConfigurationError);
      await expect(call()).rejects.toThrow(message);
    }
    expect(await repository.findUpload("1")).toMatchObject({ status: "failed" });
  });

  test("all uploads may be filtered, and then are", async () => {
    const uploads = (["failed", "pending"] as const).map((status) => ({ id: status, storageKey: "a", status }));
    const repository = memoryRepository({ uploads });
    expect(await repository.countUploads({ all: true })).toEqual({ failed: 1, pending: 1 });
    const failed = { all: true, statuses: ["failed"] } as const;
    expect(await repository.countUploads(failed)).toEqual({ failed: 1 });
  });

  test("keys that are undefined leave what is merged alone", async () => {
    const upload = { id: "1", storageKey: "a", status: "pending", metadata: { kept: 1 } } as const;
    const repository = memoryRepository({ uploads: [upload] });
    await repository.updateUpload("1", { metadata: { kept: undefined, more: 2 } });
    expect((await repository.findUpload("1"))?.metadata).toEqual({ kept: 1, more: 2 });
  });

  test("an option that does not exist is refused, with the nearest that does", () => {
    // @ts-expect-error there is no such option
    expect(() => memoryRepository({ upload: [] })).toThrow(/upload: unknown; did you mean "uploads"/);
  });

  test("findSimilar finds what is being done again, by its old result", async () => {
    const upload = { id: "1", storageKey: "a", status: "completed", embedding: [1, 2] } as const;
    const repository = memoryRepository({ uploads: [upload] });
    await repository.resetUploads({ ids: ["1"] }, "reprocess-all", "redo");
    await repository.updateUpload("1", { draft: { embedding: [-1, -2] } });
    expect(await repository.findSimilar([1, 2], { limit: 1 })).toMatchObject([
      { upload: { id: "1", status: "pending" }, similarity: 1 },
    ]);
  });

  test("findSimilar orders by cosine, within a batch or a user", async () => {
    const upload = (id: string, embedding: number[] | null, batchId = "b", userId = "u") => {
      return { id, storageKey: id, status: "completed" as const, batchId, userId, embedding };
    };
    const repository = memoryRepository({
      uploads: [
        upload("opposite", [-1, -1]),
        upload("near", [10, 9]),
        upload("same", [0.1, 0.1]),
        upload("right angle", [1, -1], "other"),
        upload("zero", [0, 0], "b", "other"),
        upload("longer", [1, 1, 1]),
        upload("none", null),
      ],
    });
    const ids = async (options: Parameters<typeof repository.findSimilar>[1]) =>
      (await repository.findSimilar(new Float32Array([2, 2]), options)).map(({ upload }) => upload.id);
    expect(await ids({ limit: 10 })).toEqual(["same", "near", "right angle", "zero", "opposite"]);
    expect(await ids({ limit: 2 })).toEqual(["same", "near"]);
    expect(await ids({ limit: 10, batchId: "b" })).toEqual(["same", "near", "zero", "opposite"]);
    expect(await ids({ limit: 10, userId: "other" })).toEqual(["zero"]);
    const [best] = await repository.findSimilar([2, 2], { limit: 1 });
    expect(best?.similarity).toBeCloseTo(1, 12);
  });
});

describe("a repository without claims and batches passes the rest of the contract", () => {
  testRepositoryContract({
    test,
    claims: false,
    batches: false,
    create: () => {
      const { addUploads, deleteUpload, findUpload, updateUpload } = memoryRepository();
      return { repository: { findUpload, updateUpload }, addUploads, deleteUpload };
    },
  });
});

describe("memoryStorage", () => {
  test("opens what was put there, or written", async () => {
    const storage = memoryStorage([["a.jpg", new Uint8Array([1])]]);
    storage.put("b.jpg", new Uint8Array([2]));
    await storage.write("c.jpg", new Uint8Array([3]), { contentType: "image/jpeg", signal });
    expect(await storage.open("a.jpg", { signal })).toEqual({ bytes: new Uint8Array([1]) });
    expect(await storage.open("c.jpg", { signal })).toEqual({ bytes: new Uint8Array([3]) });
    expect(await storage.open("d.jpg", { signal })).toBeNull();
    expect(storage.keys()).toEqual(["a.jpg", "b.jpg", "c.jpg"]);
    expect(storage.get("b.jpg")).toEqual(new Uint8Array([2]));
    expect(storage.get("d.jpg")).toBeUndefined();
  });

  test("deletes, also what is not there", async () => {
    const storage = memoryStorage([["a.jpg", new Uint8Array([1])]]);
    await storage.delete("a.jpg");
    await storage.delete("a.jpg");
    expect(storage.keys()).toEqual([]);
  });

  test("copies on the way in and out, Buffers too", async () => {
    const data = Buffer.from([1, 2]);
    const storage = memoryStorage([["a", data]]);
    await storage.write("b", data, { contentType: "image/jpeg", signal });
    data[0] = 9;
    for (const key of ["a", "b"]) {
      storage.get(key)?.fill(7);
      expect(storage.get(key)).toEqual(new Uint8Array([1, 2]));
    }
  });

  test("does nothing for an aborted signal", async () => {
    const storage = memoryStorage([["a", new Uint8Array([1])]]);
    const aborted = { contentType: "image/jpeg", signal: AbortSignal.abort(new Error("stop")) };
    await expect(storage.open("a", aborted)).rejects.toThrow("stop");
    await expect(storage.write("b", new Uint8Array(), aborted)).rejects.toThrow("stop");
    expect(storage.keys()).toEqual(["a"]);
  });
});
