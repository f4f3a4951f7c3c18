import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { memoryRepository } from "../../src/adapters/memory.js";
import { type Flaws, failuresOf, fixtureOf, isSettled } from "./flawed-repository.js";

const flaws: Flaws = {
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
    caughtBy: "a claim leaves alone what somebody holds, and tells for how long",
    flaw: (memory) => ({
      async claimUpload(id, request) {
        const seen = await memory.findUpload(id);
        if (seen && !isSettled(seen.status)) await memory.updateUpload(id, { status: "pending" });
        return memory.claimUpload(id, request);
      },
    }),
  },
  "a claim that takes what is settled": {
    caughtBy: "a claim passes over an upload that is completed",
    flaw: (memory) => ({
      async claimUpload(id, request) {
        if (isSettled((await memory.findUpload(id))?.status)) await memory.updateUpload(id, { status: "pending" });
        return memory.claimUpload(id, request);
      },
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
        await memory.updateUpload(id, { status: "pending" });
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

  test("catches an id that the column cannot hold, and that is an error", async () => {
    const answering = fixtureOf(() => ({}));
    const refuse = async () => Promise.reject(Object.assign(new Error("invalid input syntax"), { code: "22P02" }));
    const flawed = () =>
      fixtureOf((memory) => ({
        findUpload: (id) => (id === "abc" ? refuse() : memory.findUpload(id)),
        claimUpload: (id, request) => (id === "abc" ? refuse() : memory.claimUpload(id, request)),
        updateUpload: (id, ...rest) => (id === "abc" ? refuse() : memory.updateUpload(id, ...rest)),
        findBatch: (id) => (id === "abc" ? refuse() : memory.findBatch(id)),
        updateBatch: (id, ...rest) => (id === "abc" ? refuse() : memory.updateBatch(id, ...rest)),
        listUploads: (selection, page) =>
          "batchId" in selection && selection.batchId === "abc" ? refuse() : memory.listUploads(selection, page),
      }));
    expect(await failuresOf(() => ({ ...flawed(), impossibleId: "abc" }))).toEqual([
      "findUpload answers null for an unknown id",
      'updateUpload of an upload that is not there says "deleted"',
      'a claim of an upload that is not there is answered "deleted"',
      "findBatch answers with the batch, or null",
      'updateBatch of a batch that is not there says "deleted"',
      "an id that is not there, or that no row can have, selects nothing and is no error",
    ]);
    expect(await failuresOf(() => ({ ...answering, impossibleId: "abc" }))).toEqual([]);
  });

  test("passes ids that grow in the order of creation, which pages may be by", async () => {
    let next = 1;
    const byId = () => {
      const fixture = fixtureOf((memory) => ({
        async listUploads(selection, { after, limit }) {
          const behind = Number(after?.id ?? 0);
          const uploads = await memory.listUploads(selection, { limit: 100_000 });
          const sorted = [...uploads].sort((a, b) => Number(a.id) - Number(b.id));
          return sorted.filter(({ id }) => Number(id) > behind).slice(0, limit);
        },
      }));
      return { ...fixture, newId: () => String(next++) };
    };
    expect(await failuresOf(byId)).toEqual([]);
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
      // Its own one stands still: by one that runs, a lease would run out for true where the machine is busy.
      const standing = () => {
        const repository = memoryRepository({ now: () => 1e12 });
        return { ...repository, repository, advance: () => {} };
      };
      const failures = await failuresOf(standing, { ownClock: false });
      expect(failures).toContain("a claim takes over when the lease has run out, with all checkpoints");
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
