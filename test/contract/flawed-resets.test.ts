import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import type { MemoryRepository } from "../../src/adapters/memory.js";
import type { UploadRecord } from "../../src/contracts/upload.js";
import { type Flaws, failuresOf, fixtureOf, isSettled } from "./flawed-repository.js";

type Reset = MemoryRepository["resetUploads"];

/** Resets, and then does to each row that was selected what the flaw does. */
function afterwards(
  memory: MemoryRepository,
  spoil: (before: UploadRecord, after: UploadRecord) => Promise<unknown> | undefined,
): Reset {
  return async (selection, how, redo) => {
    const rows = await memory.listUploads(selection, { limit: 1000 });
    const count = await memory.resetUploads(selection, how, redo);
    for (const before of rows) {
      const after = await memory.findUpload(before.id);
      if (after && after.status !== before.status) await spoil(before, after);
    }
    return count;
  };
}

const flaws: Flaws = {
  "a reset that is not idempotent": {
    caughtBy: "reprocess-all under the same name resets a row once, also when it is settled again",
    flaw: (memory) => ({
      resetUploads: (selection, how, redo) => memory.resetUploads(selection, how, `${redo}-${Math.random()}`),
    }),
  },
  "a reset that does not look for its name in the metadata": {
    caughtBy: "reprocess passes over what was completed under the name",
    flaw: (memory) => ({
      async resetUploads(selection, how, redo) {
        for (const { id, metadata } of await memory.listUploads(selection, { limit: 1000 }))
          if (metadata?.redo === redo) await memory.updateUpload(id, { metadata: { redo: "gone" } });
        return memory.resetUploads(selection, how, redo);
      },
    }),
  },
  "a reset that two callers make, because it reads before it writes": {
    caughtBy: "of 20 resets by reprocess-all at once under one name, each row is reset once",
    flaw: (memory) => ({
      async resetUploads(selection, how, redo) {
        const taken = (await memory.listUploads(selection, { limit: 1000 })).filter(
          ({ status, draft }) => isSettled(status) && draft?.redo !== redo,
        );
        await sleep(0);
        await memory.resetUploads(selection, how, redo);
        return taken.length;
      },
    }),
  },
  "a reset that takes open rows": {
    caughtBy: "reprocess-all passes over an upload that is analyzing",
    flaw: (memory) => ({
      async resetUploads(selection, how, redo) {
        for (const { id, status } of how === "undo" ? [] : await memory.listUploads(selection, { limit: 1000 }))
          if (!isSettled(status)) await memory.updateUpload(id, { status: "failed" });
        return memory.resetUploads(selection, how, redo);
      },
    }),
  },
  "a reset that clears the result": {
    caughtBy: "reprocess-all keeps result, error and all else of the row",
    flaw: (memory) => ({
      resetUploads: afterwards(memory, ({ id }) => memory.updateUpload(id, { description: null, embedding: null })),
    }),
  },
  "a reset that forgets the error": {
    caughtBy: "retry keeps result, error and all else of the row",
    flaw: (memory) => ({
      resetUploads: afterwards(memory, ({ id }) => memory.updateUpload(id, { errorCode: null })),
    }),
  },
  "a retry that drops the draft": {
    caughtBy: "retry goes on with the draft of an upload whose redo failed",
    flaw: (memory) => ({
      async resetUploads(selection, how, redo) {
        return memory.resetUploads(selection, how === "retry" ? "reprocess-all" : how, redo);
      },
    }),
  },
  "a retry that takes every completed upload": {
    caughtBy: "retry passes over a completed upload that lacks nothing it was asked for",
    flaw: (memory) => ({
      async resetUploads(selection, how, redo) {
        if (how !== "retry") return memory.resetUploads(selection, how, redo);
        for (const { id, status } of await memory.listUploads(selection, { limit: 1000 }))
          if (status === "completed") await memory.updateUpload(id, { errorCode: "X" });
        return memory.resetUploads(selection, how, redo);
      },
    }),
  },
  "a redo that forgets what the upload was at first": {
    caughtBy: "a draft remembers what the upload was before its first redo",
    flaw: (memory) => ({
      resetUploads: afterwards(memory, ({ id, status }, { draft }) =>
        draft && isSettled(status)
          ? memory.updateUpload(id, { draft: { was: status === "completed" ? "completed" : "failed" } })
          : undefined,
      ),
    }),
  },
  "a reset that leaves the batch settled": {
    caughtBy: "a reset makes the batches of its uploads processing, and no other",
    flaw: (memory) => ({
      async resetUploads(selection, how, redo) {
        const rows = await memory.listUploads(selection, { limit: 1000 });
        const batches = await Promise.all(rows.map(({ batchId }) => memory.findBatch(batchId ?? "")));
        const count = await memory.resetUploads(selection, how, redo);
        for (const batch of batches) if (batch) await memory.updateBatch(batch.id, { status: batch.status });
        return count;
      },
    }),
  },
  "a reset of the whole table": {
    caughtBy: "uploads are reset by a batch and statuses",
    flaw: (memory) => ({
      resetUploads: (_, how, redo) => memory.resetUploads({ all: true }, how, redo),
    }),
  },
  "an undo of what somebody holds": {
    caughtBy: "undo leaves alone what somebody holds",
    flaw: (memory) => ({
      async resetUploads(selection, how, redo) {
        for (const { id, draft } of how === "undo" ? await memory.listUploads(selection, { limit: 1000 }) : [])
          if (draft) await memory.updateUpload(id, { status: "pending" });
        return memory.resetUploads(selection, how, redo);
      },
    }),
  },
  "an undo that leaves the error of the redo": {
    caughtBy: "undo makes an upload that was completed what it was, and drops its draft",
    flaw: (memory) => ({
      resetUploads: afterwards(memory, ({ id, errorCode = null }) => memory.updateUpload(id, { errorCode })),
    }),
  },
  "an undo that opens the batch": {
    caughtBy: "undo leaves the batch as it is",
    flaw: (memory) => ({
      resetUploads: afterwards(memory, ({ batchId }) => memory.updateBatch(batchId ?? "", { status: "processing" })),
    }),
  },
  "an undo whose row takes the writes of its last holder": {
    caughtBy: "a release that comes after the undo of its upload is stale",
    flaw: (memory) => {
      const undone = new Set<string>();
      return {
        async updateUpload(id, changes, claim) {
          return memory.updateUpload(id, changes, undone.has(id) ? undefined : claim);
        },
        async resetUploads(selection, how, redo) {
          if (how === "undo" && "ids" in selection) for (const id of selection.ids ?? []) undone.add(id);
          return memory.resetUploads(selection, how, redo);
        },
      };
    },
  },
};

describe("testRepositoryContract", () => {
  for (const [name, { caughtBy, flaw }] of Object.entries(flaws))
    test(`catches ${name}`, async () => {
      expect(await failuresOf(() => fixtureOf(flaw))).toContain(caughtBy);
    });
});
