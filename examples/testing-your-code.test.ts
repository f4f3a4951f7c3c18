import { readFile } from "node:fs/promises";
import type { AIAdapter, RepositoryAdapter, StorageAdapter } from "upload-processor";
import { testRepositoryContract } from "upload-processor/testing";
import { beforeEach, describe, expect, it, test, vi } from "vitest";
import { type Photo, type PhotoRow, type PhotoTable, photoRepository, toUpload } from "./photo-repository.js";
import { publishPhoto } from "./photo-service.js";

const rocket = new URL("photos/rocket.jpg", import.meta.url);

function rowOf(fields: Partial<PhotoRow> = {}): PhotoRow {
  return {
    id: "1",
    ownerId: "ada",
    title: "Launch",
    path: "rocket.jpg",
    bytes: null,
    thumbnail: null,
    caption: null,
    vector: [],
    status: "pending",
    batchId: null,
    fileName: null,
    mimeType: null,
    metadata: null,
    aiVersion: null,
    errorCode: null,
    errorStage: null,
    errorMessage: null,
    starts: 0,
    draft: null,
    fence: 0,
    claimToken: null,
    leaseUntil: null,
    revision: 0,
    ...fields,
  };
}

describe("your service, with fake adapters", () => {
  const photo = toUpload(rowOf());
  // `satisfies` checks the fakes and keeps the types of the mocks.
  const storage = {
    open: vi.fn<StorageAdapter["open"]>(async () => ({ bytes: await readFile(rocket) })),
    write: vi.fn(async () => {}),
    delete: vi.fn(async () => {}),
  } satisfies StorageAdapter;
  const ai = {
    describe: vi.fn<AIAdapter["describe"]>(async () => "A rocket at night."),
  } satisfies AIAdapter<Photo>;
  // Without `claimUpload`, which is for several processes.
  const repository = {
    findUpload: vi.fn(async () => photo),
    updateUpload: vi.fn<RepositoryAdapter["updateUpload"]>(async () => "saved"),
  } satisfies RepositoryAdapter<Photo>;
  const notify = vi.fn(async () => {});
  const publish = () => publishPhoto(photo, { storage, ai, repository }, notify, { retry: { minTimeout: 0 } });

  beforeEach(() => void vi.clearAllMocks());

  it("tells the owner that a photo can be found", async () => {
    await publish();
    expect(notify).toHaveBeenCalledExactlyOnceWith("ada", '"Launch" can be found now: A rocket at night.');
    expect(storage.write).toHaveBeenCalledExactlyOnceWith("thumbnails/1.jpg", expect.anything(), expect.anything());
    expect(repository.updateUpload).toHaveBeenLastCalledWith(
      ...["1", expect.objectContaining({ status: "completed", description: "A rocket at night." }), undefined],
    );
  });

  it("tries again when the model is overloaded", async () => {
    ai.describe.mockRejectedValueOnce(Object.assign(new Error("Overloaded"), { status: 503 }));
    await publish();
    expect(ai.describe).toHaveBeenCalledTimes(2);
    expect(notify).toHaveBeenCalledExactlyOnceWith("ada", expect.stringContaining("can be found"));
  });

  it("tells the owner when it is no photo, and asks no model about it", async () => {
    storage.open.mockResolvedValueOnce({ bytes: Buffer.from("#!/bin/sh") });
    await publish();
    expect(ai.describe).not.toHaveBeenCalled();
    expect(notify).toHaveBeenCalledExactlyOnceWith("ada", '"Launch" is no photo');
  });

  it("says nothing of a photo that was deleted meanwhile", async () => {
    repository.updateUpload.mockResolvedValue("deleted");
    await publish();
    expect(notify).not.toHaveBeenCalled();
  });
});

describe("your repository, held to what the library relies on", () => {
  // Yours runs on a real database: `repository: photoRepository(prisma.photo, Prisma.DbNull)`.
  testRepositoryContract({
    test,
    batches: false,
    resets: false, // photoRepository says why
    ownClock: false, // leases run by the clock of this process, as photoRepository says
    create() {
      const rows = new Map<string, PhotoRow>();
      return {
        repository: photoRepository(fakeTable(rows), DB_NULL),
        async addUploads(uploads) {
          for (const upload of uploads) {
            const { storageKey, userId, fileSize, thumbnailKey, description, embedding, ...same } = upload;
            const named = { path: storageKey, ownerId: userId, thumbnail: thumbnailKey, caption: description };
            const bytes = fileSize ? BigInt(fileSize) : null;
            const vector = [...(embedding ?? [])];
            rows.set(upload.id, Object.assign(rowOf(), present({ ...same, ...named, bytes, vector })) as PhotoRow);
          }
        },
        deleteUpload: async (id) => rows.delete(id),
      };
    },
  });
});

/** Stands for `Prisma.DbNull`. */
const DB_NULL = Symbol("DbNull");

/** As much of `prisma.photo` as the repository uses. */
function fakeTable(rows: Map<string, PhotoRow>): PhotoTable<typeof DB_NULL> {
  return {
    findUnique: async ({ where }) => structuredClone(rows.get(where.id) ?? null),
    async updateManyAndReturn({ where, data }) {
      const row = rows.get(where.id);
      if (row === undefined || row.revision !== where.revision) return [];
      if (data.metadata === null || data.draft === null) throw new Error("null is no value for a column of JSON");
      const metadata = data.metadata === DB_NULL ? null : data.metadata;
      const draft = data.draft === DB_NULL ? null : data.draft;
      const updated: PhotoRow = Object.assign({}, row, present({ ...data, metadata, draft }));
      rows.set(row.id, structuredClone(updated));
      return [structuredClone(updated)];
    },
  };
}

function present<T extends object>(columns: T): Partial<T> {
  return Object.fromEntries(Object.entries(columns).filter(([, value]) => value !== undefined)) as Partial<T>;
}
