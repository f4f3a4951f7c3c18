import { PGlite } from "@electric-sql/pglite";
import { afterAll, describe } from "vitest";
import { memoryRepository } from "../../src/adapters/memory.js";
import { postgresRepository } from "../../src/adapters/postgres.js";
import type { BatchRecord, BatchRepositoryAdapter, UploadRecord } from "../../src/index.js";
import { type FakeAI, fakeAI, fakeStorage } from "../../src/testing/index.js";
import { jpeg, uploadOf } from "./fakes.js";

export type Repository = BatchRepositoryAdapter<UploadRecord>;

/** A repository with its contents, and what the contract lacks. */
export interface Store {
  readonly repository: Repository;
  readonly remove: (id: string) => Promise<unknown>;
}

export type OpenStore = (uploads: readonly UploadRecord[], batches?: readonly BatchRecord[]) => Promise<Store>;

const BATCH: readonly BatchRecord[] = [{ id: "batch", status: "completed" }];

export const inMemory: OpenStore = async (uploads, batches = BATCH) => {
  const repository = memoryRepository<UploadRecord>({ uploads, batches });
  return { repository, remove: (id) => repository.deleteUpload(id) };
};

/** A repository of a user's that knows neither claims nor resets. */
export const withoutClaims: OpenStore = async (uploads, batches) => {
  const store = await inMemory(uploads, batches);
  const { claimUpload, resetUploads, ...repository } = store.repository;
  return { ...store, repository };
};

/** Runs the tests over a repository with claims and resets, one without, and a real database. */
export function overStores(tests: (open: OpenStore) => void): void {
  describe("memoryRepository", () => tests(inMemory));
  describe("a repository without claims and resets", () => tests(withoutClaims));
  describe("PGlite", () => tests(inDatabase()));
}

function inDatabase(): OpenStore {
  let database: Promise<PGlite> | undefined;
  let opened = 0;
  afterAll(async () => (await database)?.close());
  return async (uploads, batches = BATCH) => {
    database ??= PGlite.create();
    opened++;
    const tables = { uploads: `uploads_${opened}`, batches: `batches_${opened}` };
    const repository = postgresRepository(await database, { tables });
    await repository.migrate();
    for (const batch of batches) await repository.addBatch(batch);
    await repository.addUploads(uploads);
    // Its records carry more than the tests know, and they only ever hand back what came from it.
    return { repository: repository as unknown as Repository, remove: (id) => repository.deleteUpload(id) };
  };
}

/** An upload with a result: of version `v1`, with its thumbnail under another key than the default. */
export function finished(id: string, fields: Partial<UploadRecord> = {}): UploadRecord {
  return uploadOf(id, {
    status: "completed",
    starts: 0,
    thumbnailKey: `old/${id}.jpg`,
    description: "old words",
    embedding: [9, 9, 9],
    aiVersion: "v1",
    metadata: { camera: "X100" },
    ...fields,
  });
}

/** Adapters around a store: a fake of version `v2`, and the objects of the old results. */
export function adaptersOf(store: Store, version = "v2") {
  const storage = fakeStorage({ original: jpeg });
  storage.put("old/a.jpg", jpeg);
  return { repository: store.repository, storage, ai: fakeAI({ version, dimensions: 3 }) };
}

/** How often each method of the model was called. */
export function callsOf(ai: Pick<FakeAI, "calls">): { describe: number; embed: number } {
  const count = (name: string) => ai.calls.filter(({ method }) => method === name).length;
  return { describe: count("describe"), embed: count("embed") };
}

/** Looks at the row after every write of it. */
export function watched(repository: Repository, look: (row: UploadRecord) => void): Repository {
  const { claimUpload, resetUploads } = repository;
  const seen = async (id: string) => {
    const row = await repository.findUpload(id);
    if (row !== null) look(row);
  };
  return {
    ...repository,
    async updateUpload(id, changes, claim) {
      const outcome = await repository.updateUpload(id, changes, claim);
      await seen(id);
      return outcome;
    },
    ...(claimUpload && {
      async claimUpload(id, request) {
        const outcome = await claimUpload(id, request);
        await seen(id);
        return outcome;
      },
    }),
    ...(resetUploads && {
      async resetUploads(selection, how, redo) {
        const changed = await resetUploads(selection, how, redo);
        for (const { id } of await repository.listUploads({ all: true }, { limit: 100 })) await seen(id);
        return changed;
      },
    }),
  } satisfies Repository;
}
