import { describe, expect, test } from "vitest";
import type { MemoryRepository } from "../../src/adapters/memory.js";
import type { UploadSelection } from "../../src/contracts/repository.js";
import type { UploadRecord, UploadStatus } from "../../src/contracts/upload.js";
import { type Flaws, failuresOf, fixtureOf } from "./flawed-repository.js";

const everything = (memory: MemoryRepository, selection: UploadSelection) =>
  memory.listUploads(selection, { limit: 1000 });

/** Pages through uploads that are put into an order by `placeOf`. */
function listBy(memory: MemoryRepository, placeOf: (upload: UploadRecord) => number | string) {
  const listUploads: MemoryRepository["listUploads"] = async (selection, { after, limit }) => {
    const behind = (upload: UploadRecord) => after === undefined || placeOf(upload) > placeOf(after);
    const uploads = (await everything(memory, selection)).filter(behind);
    return uploads.sort((a, b) => (placeOf(a) < placeOf(b) ? -1 : 1)).slice(0, limit);
  };
  return listUploads;
}

const flaws: Flaws = {
  "counts that are incremented, not derived": {
    caughtBy: "countUploads counts the uploads of the batch by their status",
    flaw: (memory) => {
      const counters = new Map<string, number>();
      const add = (upload: UploadRecord, status: UploadStatus, by: number) => {
        const counter = `${upload.batchId} ${status}`;
        counters.set(counter, (counters.get(counter) ?? 0) + by);
      };
      return {
        async addUploads(uploads) {
          await memory.addUploads(uploads);
          for (const upload of uploads) add(upload, upload.status, 1);
        },
        async updateUpload(id, changes, claim) {
          const before = await memory.findUpload(id);
          const outcome = await memory.updateUpload(id, changes, claim);
          if (before && changes.status && outcome === "saved") {
            add(before, before.status, -1);
            add(before, changes.status, 1);
          }
          return outcome;
        },
        async countUploads(selection) {
          const counts = await memory.countUploads(selection);
          const batchId = "batchId" in selection ? selection.batchId : undefined;
          for (const status of ["pending", "analyzing", "embedding", "completed", "failed"] as const)
            counts[status] = counters.get(`${batchId} ${status}`) ?? 0;
          return counts;
        },
      };
    },
  },
  "a count of final writes, not of uploads": {
    caughtBy: "countUploads is not moved by writes that are repeated or come late",
    flaw: (memory) => {
      const repeated = new Map<string, number>();
      return {
        async updateUpload(id, changes, claim) {
          const before = await memory.findUpload(id);
          if (changes.status === "completed" && before?.status === "completed")
            repeated.set(before.batchId ?? "", (repeated.get(before.batchId ?? "") ?? 0) + 1);
          return memory.updateUpload(id, changes, claim);
        },
        async countUploads(selection) {
          const counts = await memory.countUploads(selection);
          const batchId = ("batchId" in selection ? selection.batchId : undefined) ?? "";
          return { ...counts, completed: (counts.completed ?? 0) + (repeated.get(batchId) ?? 0) };
        },
      };
    },
  },
  "an unstable paging order: by the last change": {
    caughtBy: "listUploads passes no upload over while those before are settled",
    flaw: (memory) => {
      let changes = 0;
      const changedAt = new Map<string, number>();
      return {
        async addUploads(uploads) {
          await memory.addUploads(uploads);
          for (const { id } of uploads) changedAt.set(id, ++changes);
        },
        updateUpload(id, ...write) {
          changedAt.set(id, ++changes);
          return memory.updateUpload(id, ...write);
        },
        listUploads: listBy(memory, ({ id }) => changedAt.get(id) ?? 0),
      };
    },
  },
  "a paging order by random ids": {
    caughtBy: "listUploads pages through the batch in the order of creation",
    flaw: (memory) => ({ listUploads: listBy(memory, ({ id }) => id) }),
  },
  "paging by a time that several uploads have": {
    caughtBy: "listUploads tells apart uploads that were added at once",
    flaw: (memory) => {
      let calls = 0;
      const createdAt = new Map<string, number>();
      return {
        async addUploads(uploads) {
          const time = Math.floor(calls++ / 4);
          await memory.addUploads(uploads);
          for (const { id } of uploads) createdAt.set(id, time);
        },
        listUploads: listBy(memory, ({ id }) => createdAt.get(id) ?? 0),
      };
    },
  },
  "paging by offset": {
    caughtBy: "listUploads passes no upload over while those before are settled",
    flaw: (memory) => {
      const offsets = new Map<string, number>();
      return {
        async listUploads(selection, { after, limit }) {
          const offset = after === undefined ? 0 : (offsets.get(after.id) ?? 0);
          const page = (await everything(memory, selection)).slice(offset, offset + limit);
          for (const [index, { id }] of page.entries()) offsets.set(id, offset + index + 1);
          return page;
        },
      };
    },
  },
  "paging that ends when the cursor row is deleted": {
    caughtBy: "listUploads goes on behind an upload that was deleted since",
    flaw: (memory) => ({
      async listUploads(selection, page) {
        const ends = page.after !== undefined && (await memory.findUpload(page.after.id)) === null;
        return ends ? [] : memory.listUploads(selection, page);
      },
    }),
  },
};

describe("testRepositoryContract", () => {
  for (const [name, { caughtBy, flaw }] of Object.entries(flaws))
    test(`catches ${name}`, async () => {
      expect(await failuresOf(() => fixtureOf(flaw))).toContain(caughtBy);
    });
});
