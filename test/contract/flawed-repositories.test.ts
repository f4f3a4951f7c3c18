import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { type MemoryRepository, memoryRepository } from "../../src/adapters/memory.js";
import type { UploadRecord, UploadStatus } from "../../src/index.js";
import { type RepositoryFixture, testRepositoryContract } from "../../src/testing/index.js";
import { failingChecks } from "./failing-checks.js";

/** What a flawed repository does in another way than the memory repository that it stands upon. */
type Flaw = (memory: MemoryRepository) => Partial<MemoryRepository>;

function fixtureOf(flaw: Flaw): RepositoryFixture {
  let now = 1_000_000;
  const memory = memoryRepository({ now: () => now });
  const repository = { ...memory, ...flaw(memory) };
  const advance = (ms: number) => {
    now += ms;
  };
  return { ...repository, repository, advance };
}

const failuresOf = (create: () => RepositoryFixture, options = {}) =>
  failingChecks((test) => testRepositoryContract({ test, create, ...options }));

const isSettled = (status: UploadStatus | undefined) => status === "completed" || status === "failed";

const everything = (memory: MemoryRepository, batchId: string, statuses: readonly UploadStatus[] | undefined) =>
  memory.listUploads(batchId, { limit: 1000, ...(statuses && { statuses }) });

/** Pages through uploads that are put into an order by `placeOf`. */
function listBy(memory: MemoryRepository, placeOf: (upload: UploadRecord) => number | string) {
  const listUploads: MemoryRepository["listUploads"] = async (batchId, { after, limit, statuses }) => {
    const behind = (upload: UploadRecord) => after === undefined || placeOf(upload) > placeOf(after);
    const uploads = (await everything(memory, batchId, statuses)).filter(behind);
    return uploads.sort((a, b) => (placeOf(a) < placeOf(b) ? -1 : 1)).slice(0, limit);
  };
  return listUploads;
}

const flaws: Record<string, { readonly caughtBy: string; readonly flaw: Flaw }> = {
  "a claim that two callers win, because it reads before it writes": {
    caughtBy: "of 100 claims at once, one is granted",
    flaw: (memory) => ({
      async claimUpload(id, request) {
        const seen = await memory.findUpload(id);
        await sleep(0);
        if (seen?.status === "pending") await memory.updateUpload(id, { status: "pending", starts: seen.starts ?? 0 });
        return memory.claimUpload(id, request);
      },
    }),
  },
  "a claim that takes what somebody holds": {
    caughtBy: "mode continue leaves alone what somebody holds, and tells for how long",
    flaw: (memory) => ({
      async claimUpload(id, request) {
        const seen = await memory.findUpload(id);
        if (seen && !isSettled(seen.status)) await memory.updateUpload(id, { status: "pending" });
        return memory.claimUpload(id, request);
      },
    }),
  },
  "a claim that does not look at its mode": {
    caughtBy: "mode reprocess takes an upload that is completed and not held",
    flaw: (memory) => ({
      claimUpload: (id, { leaseMs }) => memory.claimUpload(id, { leaseMs, mode: "continue" }),
    }),
  },
  "a claim that does not count starts": {
    caughtBy: "starts count the claims that were neither settled nor released",
    flaw: (memory) => ({
      async claimUpload(id, request) {
        const starts = (await memory.findUpload(id))?.starts ?? 0;
        const answer = await memory.claimUpload(id, request);
        if (answer.outcome !== "claimed") return answer;
        await memory.updateUpload(id, { starts }, { fence: answer.fence });
        return { ...answer, upload: { ...answer.upload, starts } };
      },
    }),
  },
  "a fence that restarts when the upload has left the claim's hands": {
    caughtBy: "fences of one upload strictly increase, whatever happens to it",
    flaw: (memory) => {
      const last = new Map<string, number>();
      const base = new Map<string, number>();
      const baseOf = (id: string) => base.get(id) ?? 0;
      return {
        async claimUpload(id, request) {
          const answer = await memory.claimUpload(id, request);
          if (answer.outcome !== "claimed") return answer;
          last.set(id, answer.fence);
          return { ...answer, fence: answer.fence - baseOf(id) };
        },
        async updateUpload(id, changes, claim) {
          const outcome = await memory.updateUpload(
            id,
            changes,
            claim && { ...claim, fence: claim.fence + baseOf(id) },
          );
          if (outcome === "saved" && (changes.status === "pending" || isSettled(changes.status)))
            base.set(id, last.get(id) ?? 0);
          return outcome;
        },
      };
    },
  },
  "an unfenced write": {
    caughtBy: "a write with an old fence is stale, whatever it says, and writes nothing",
    flaw: (memory) => {
      const current = new Map<string, number>();
      return {
        async claimUpload(id, request) {
          const answer = await memory.claimUpload(id, request);
          if (answer.outcome === "claimed") current.set(id, answer.fence);
          return answer;
        },
        updateUpload: (id, changes, claim) =>
          memory.updateUpload(id, changes, claim && { ...claim, fence: current.get(id) ?? claim.fence }),
      };
    },
  },
  "a late write that reopens a settled row": {
    caughtBy: 'a write that arrives after the final write "completed" cannot reopen it',
    flaw: (memory) => ({
      async updateUpload(id, changes, claim) {
        const outcome = await memory.updateUpload(id, changes, claim);
        const row = await memory.findUpload(id);
        if (outcome !== "stale" || !isSettled(row?.status)) return outcome;
        await memory.updateUpload(id, { status: "analyzing", starts: row?.starts ?? 0 });
        return memory.updateUpload(id, changes, claim);
      },
    }),
  },
  "a write that empties the columns that are absent": {
    caughtBy: "updateUpload leaves other columns and other uploads alone",
    flaw: (memory) => ({
      updateUpload: (id, changes, claim) =>
        memory.updateUpload(id, { thumbnailKey: null, description: null, ...changes }, claim),
    }),
  },
  "a write that does not tell that its row was deleted": {
    caughtBy: 'a write after the upload was deleted says "deleted"',
    flaw: (memory) => ({
      async updateUpload(...write) {
        const outcome = await memory.updateUpload(...write);
        return outcome === "deleted" ? "saved" : outcome;
      },
    }),
  },
  "a heartbeat that does not renew the lease": {
    caughtBy: "a heartbeat without changes renews the lease and nothing else",
    flaw: (memory) => ({
      updateUpload: (id, changes, claim) => memory.updateUpload(id, changes, claim && { fence: claim.fence }),
    }),
  },
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
        async countUploads(batchId) {
          const counts = await memory.countUploads(batchId);
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
        async countUploads(batchId) {
          const counts = await memory.countUploads(batchId);
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
        async listUploads(batchId, { after, limit, statuses }) {
          const offset = after === undefined ? 0 : (offsets.get(after.id) ?? 0);
          const page = (await everything(memory, batchId, statuses)).slice(offset, offset + limit);
          for (const [index, { id }] of page.entries()) offsets.set(id, offset + index + 1);
          return page;
        },
      };
    },
  },
  "paging that ends when the cursor row is deleted": {
    caughtBy: "listUploads goes on behind an upload that was deleted since",
    flaw: (memory) => ({
      async listUploads(batchId, page) {
        const ends = page.after !== undefined && (await memory.findUpload(page.after.id)) === null;
        return ends ? [] : memory.listUploads(batchId, page);
      },
    }),
  },
  "a transition of the batch that two workers make": {
    caughtBy: "of 20 transitions at once, one is made",
    flaw: (memory) => ({ updateBatch: (id, changes) => memory.updateBatch(id, changes) }),
  },
};

describe("testRepositoryContract", () => {
  test("passes a repository without a flaw", async () => {
    expect(await failuresOf(() => fixtureOf(() => ({})))).toEqual([]);
  });

  for (const [name, { caughtBy, flaw }] of Object.entries(flaws))
    test(`catches ${name}`, async () => {
      expect(await failuresOf(() => fixtureOf(flaw))).toContain(caughtBy);
    });

  describe("catches a lease by the worker's clock", () => {
    const create = () => {
      const repository = memoryRepository({ now: () => Date.now() });
      return { ...repository, repository };
    };
    const caughtBy = ["an hour behind", "an hour ahead"].flatMap((off) => [
      `a worker whose clock is ${off} takes nothing from others`,
      `a worker whose clock is ${off} holds an upload as long as any other`,
    ]);

    test("by workers whose clocks are off", async () => {
      // These alone fail: the checks that run beside them see the true time.
      expect(await failuresOf(create)).toEqual(caughtBy);
    });

    test("by a store's clock that can be moved on", async () => {
      const failures = await failuresOf(() => ({ ...create(), advance: () => {} }), { ownClock: false });
      expect(failures).toContain("mode continue takes over when the lease has run out, with all checkpoints");
    });

    test("but passes one that has no other clock, when told so", async () => {
      expect(await failuresOf(create, { ownClock: false })).toEqual([]);
    });

    test("and leaves the clock as it was", async () => {
      const before = Date;
      await failuresOf(create);
      expect(Date).toBe(before);
    });
  });
});
