import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import type { MemoryRepository } from "../../src/adapters/memory.js";
import type { UploadRecord } from "../../src/contracts/upload.js";
import { type Flaws, failuresOf, fixtureOf, isSettled } from "./flawed-repository.js";

/** Writes whatever the row has become since it was read, as an `update … where id = $1` does that comes after a `select`. */
function readThenWritten(memory: MemoryRepository, withClaim: boolean): MemoryRepository["updateUpload"] {
  return async (id, changes, claim) => {
    if ((claim !== undefined) !== withClaim) return memory.updateUpload(id, changes, claim);
    const seen = await memory.findUpload(id);
    await sleep(0);
    const now = await memory.findUpload(id);
    if (seen && now && !isSettled(seen.status) && isSettled(now.status)) {
      await memory.updateUpload(id, { status: "pending" });
      return memory.updateUpload(id, changes);
    }
    return memory.updateUpload(id, changes, claim);
  };
}

const flaws: Flaws = {
  "a write without a claim that is decided by what was read before": {
    caughtBy: 'without a claim, a write beside the final write "completed" does not reopen the upload',
    flaw: (memory) => ({ updateUpload: readThenWritten(memory, false) }),
  },
  "a write of the holder that is decided by what was read before": {
    caughtBy: 'a write of the holder beside its final write "failed" does not reopen the upload',
    flaw: (memory) => ({ updateUpload: readThenWritten(memory, true) }),
  },
  "a fence that is looked at before the write, not in it": {
    caughtBy: "a write beside a claim that takes over is seen by that claim, or is stale",
    flaw: (memory) => {
      const fences = new Map<string, number>();
      return {
        async claimUpload(id, request) {
          const answer = await memory.claimUpload(id, request);
          if (answer.outcome === "claimed") fences.set(id, answer.fence);
          return answer;
        },
        async updateUpload(id, changes, claim) {
          if (claim === undefined || fences.get(id) !== claim.fence) return memory.updateUpload(id, changes, claim);
          await sleep(0);
          return memory.updateUpload(id, changes, { ...claim, fence: fences.get(id) ?? claim.fence });
        },
      };
    },
  },
  "an undo that is decided by what was read before": {
    caughtBy: "of an undo and a claim at once, one gets the upload",
    flaw: (memory) => ({
      async resetUploads(selection, how, redo) {
        if (how !== "undo") return memory.resetUploads(selection, how, redo);
        const free: UploadRecord[] = [];
        for (const upload of await memory.listUploads(selection, { limit: 1000 }))
          if (upload.draft && upload.status === "pending") free.push(upload);
        await sleep(0);
        for (const { id } of free) await memory.updateUpload(id, { status: "pending" });
        return memory.resetUploads(selection, how, redo);
      },
    }),
  },
  "a reset whose batches follow in a second step": {
    caughtBy: "who sees what a reset has made pending sees its batch processing, too",
    flaw: (memory) => ({
      async resetUploads(selection, how, redo) {
        const batchId = "batchId" in selection ? (selection.batchId ?? "") : "";
        const batch = await memory.findBatch(batchId);
        const count = await memory.resetUploads(selection, how, redo);
        if (batch === null || how === "undo" || count === 0) return count;
        await memory.updateBatch(batchId, { status: batch.status });
        await sleep(0);
        await memory.updateBatch(batchId, { status: "processing" });
        return count;
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
