import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { memoryRepository, memoryStorage } from "../../src/adapters/memory.js";
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
    await repository.updateUpload("1", { embedding, metadata: { tags: ["cat"] } });
    embedding[0] = 9;
    const handedOut = [
      await repository.findUpload("1"),
      (await repository.listUploads("b", { limit: 1 }))[0],
      (await repository.findSimilar([1, 2, 3], { limit: 1 }))[0]?.upload,
      await repository
        .claimUpload("1", { leaseMs: 1000, mode: "continue" })
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
    const claim = () => repository.claimUpload("1", { leaseMs: 100, mode: "continue" });
    expect(await claim()).toMatchObject({ outcome: "claimed", fence: 1 });
    now = 99;
    expect(await claim()).toEqual({ outcome: "busy", retryAfterMs: 1 });
    now = 100;
    expect(await claim()).toMatchObject({ outcome: "claimed", fence: 2, upload: { starts: 2 } });
  });

  test("a lease ends with the work: it does not hold for whoever begins without a claim", async () => {
    const repository = memoryRepository({ uploads: [{ id: "1", storageKey: "a", status: "pending" }] });
    await repository.claimUpload("1", { leaseMs: 60_000, mode: "continue" });
    await repository.updateUpload("1", { status: "pending" }, { fence: 1 });
    await repository.updateUpload("1", { status: "analyzing", starts: 1 });
    expect(await repository.claimUpload("1", { leaseMs: 1, mode: "continue" })).toMatchObject({ outcome: "claimed" });
  });

  test("leases run by the system's clock where none is given", async () => {
    const repository = memoryRepository({ uploads: [{ id: "1", storageKey: "a", status: "pending" }] });
    const claim = (leaseMs: number) => repository.claimUpload("1", { leaseMs, mode: "continue" });
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
    await expect(memoryRepository().listUploads("b", { after, limit: 1 })).rejects.toThrow(ConfigurationError);
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
