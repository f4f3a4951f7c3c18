import { describe, expect, test } from "vitest";
import type { MemoryRepository } from "../../src/adapters/memory.js";
import type { UploadSelection } from "../../src/contracts/repository.js";
import type { UploadRecord } from "../../src/contracts/upload.js";
import { type Flaws, failuresOf, fixtureOf, isSettled } from "./flawed-repository.js";

/** Makes the selections of the flaw into others. */
const selecting =
  (other: (selection: UploadSelection, how?: string) => UploadSelection) =>
  (memory: MemoryRepository): Partial<MemoryRepository> => ({
    listUploads: (selection, page) => memory.listUploads(other(selection), page),
    countUploads: (selection) => memory.countUploads(other(selection)),
    resetUploads: (selection, how, redo) => memory.resetUploads(other(selection, how), how, redo),
  });

const without = (selection: UploadSelection, key: string): UploadSelection => {
  const rest = Object.entries(selection).filter(([name]) => name !== key);
  return (rest.length === 0 ? { all: true } : Object.fromEntries(rest)) as UploadSelection;
};

/** A list that is empty, and by which nothing is asked then. */
const asksNothing = (key: "errorCodes" | "missing") =>
  selecting((selection) => {
    const list = (selection as Readonly<Record<string, unknown>>)[key];
    return Array.isArray(list) && list.length === 0 ? without(selection, key) : selection;
  });

/** Each reset begins the tokens anew, or the fences too. */
function forgetting(memory: MemoryRepository, fences: boolean): Partial<MemoryRepository> {
  const resets = new Map<string, number>();
  const begun = new Map<string, number>();
  const last = new Map<string, number>();
  const baseOf = (id: string) => (fences ? (begun.get(id) ?? 0) : 0);
  return {
    async claimUpload(id, { leaseMs, token }) {
      const named = fences ? token : `${token}~${resets.get(id) ?? 0}`;
      const answer = await memory.claimUpload(id, { leaseMs, token: named });
      if (answer.outcome !== "claimed") return answer;
      last.set(id, answer.fence);
      return { ...answer, fence: answer.fence - baseOf(id) };
    },
    updateUpload: (id, changes, claim) =>
      memory.updateUpload(id, changes, claim && { ...claim, fence: claim.fence + baseOf(id) }),
    async resetUploads(selection, how, redo) {
      const rows = await memory.listUploads(selection, { limit: 1000 });
      const count = await memory.resetUploads(selection, how, redo);
      for (const { id } of count > 0 ? rows : []) {
        resets.set(id, (resets.get(id) ?? 0) + 1);
        begun.set(id, last.get(id) ?? 0);
      }
      return count;
    },
  };
}

const listing = (answer: (upload: UploadRecord) => object) => (memory: MemoryRepository) => ({
  listUploads: async (...call: Parameters<MemoryRepository["listUploads"]>) =>
    (await memory.listUploads(...call)).map((upload) => answer(upload) as UploadRecord),
});

const FOLLOWED = "listUploads goes on behind an upload that is settled since, where those before it are open";

const flaws: Flaws = {
  "a change that is undefined, and clears its column": {
    caughtBy: "updateUpload leaves alone what is undefined",
    flaw: (memory) => ({
      updateUpload: (id, changes, claim) =>
        memory.updateUpload(
          id,
          Object.fromEntries(Object.entries(changes).map(([key, to]) => [key, to ?? null])),
          claim,
        ),
    }),
  },
  "a wait that is a text, as drivers make of a numeric": {
    caughtBy: "a claim leaves alone what somebody holds, and tells for how long",
    flaw: (memory) => ({
      async claimUpload(id, request) {
        const answer = await memory.claimUpload(id, request);
        return answer.outcome === "busy" ? Object.assign(answer, { retryAfterMs: `${answer.retryAfterMs}` }) : answer;
      },
    }),
  },
  "a claim that is refused, and renews the lease of the holder": {
    caughtBy: "a claim that is refused does not renew the lease of the holder",
    flaw: (memory) => {
      const tokens = new Map<string, string>();
      return {
        async claimUpload(id, request) {
          const answer = await memory.claimUpload(id, request);
          const token = tokens.get(id);
          if (answer.outcome === "claimed") tokens.set(id, request.token);
          else if (token !== undefined) await memory.claimUpload(id, { ...request, token });
          return answer;
        },
      };
    },
  },
  "an answer to a claim that lacks columns": {
    caughtBy: "a claim answers with every field, of an upload that it takes and of one that it passes over",
    flaw: (memory) => ({
      async claimUpload(id, request) {
        const answer = await memory.claimUpload(id, request);
        if (answer.outcome !== "settled") return answer;
        return { ...answer, upload: { ...answer.upload, draft: null } };
      },
    }),
  },
  "pages of records that lack columns": {
    caughtBy: "listUploads answers with every field",
    flaw: listing(({ id, status, storageKey, batchId }) => ({ id, status, storageKey, batchId })),
  },
  "pages of records with JSON as text": {
    caughtBy: "listUploads answers with every field",
    flaw: listing((upload) => ({ ...upload, metadata: upload.metadata && JSON.stringify(upload.metadata) })),
  },
  "a failure that drops the draft": {
    caughtBy: 'the write "failed" that ends a redo without success keeps draft and result',
    flaw: (memory) => ({
      updateUpload: (id, changes, claim) =>
        memory.updateUpload(id, claim && changes.status === "failed" ? { ...changes, draft: null } : changes, claim),
    }),
  },
  "a final write that begins the starts anew": {
    caughtBy: 'the write "completed" that ends a redo without success keeps draft and result',
    flaw: (memory) => ({
      updateUpload: (id, changes, claim) =>
        memory.updateUpload(id, isSettled(changes.status) ? { ...changes, starts: 0 } : changes, claim),
    }),
  },
  '"cancelled" that is not told to a heartbeat without changes': {
    caughtBy: 'a renewal is answered "cancelled", and written all the same',
    flaw: (memory) => ({
      async updateUpload(id, changes, claim) {
        const outcome = await memory.updateUpload(id, changes, claim);
        return outcome === "cancelled" && Object.keys(changes).length === 0 ? "saved" : outcome;
      },
    }),
  },
  "a reset that forgets the token": {
    caughtBy: "after reprocess-all, the last claim of an upload gets nothing, and its writes are stale",
    flaw: (memory) => forgetting(memory, false),
  },
  "an undo that forgets the token": {
    caughtBy: "after undo, the last claim of an upload gets nothing",
    flaw: (memory) => forgetting(memory, false),
  },
  "a reset that begins the fences anew": {
    caughtBy: "after retry, the last claim of an upload gets nothing, and its writes are stale",
    flaw: (memory) => forgetting(memory, true),
  },
  "a list of error codes that is empty, and selects everything": {
    caughtBy: "uploads are reset by no error code at all",
    flaw: asksNothing("errorCodes"),
  },
  "a list of what is missing that is empty, and selects everything": {
    caughtBy: "uploads are reset by nothing missing at all",
    flaw: asksNothing("missing"),
  },
  "uploads in the order of the ids that were asked for": {
    caughtBy: "uploads are listed and counted by ids in any order, and twice",
    flaw: (memory) => ({
      async listUploads(selection, page) {
        const ids = ("ids" in selection ? selection.ids : undefined) ?? [];
        const uploads = await memory.listUploads(selection, page);
        return [...uploads].sort((a, b) => ids.indexOf(a.id) - ids.indexOf(b.id));
      },
    }),
  },
  "pages that begin anew where ids are given": {
    caughtBy: "uploads are listed and counted by ids",
    flaw: (memory) => ({
      listUploads: (selection, { after, limit }) =>
        memory.listUploads(selection, after === undefined || "ids" in selection ? { limit } : { after, limit }),
    }),
  },
  "pages that begin anew where the upload before is not selected any more": {
    caughtBy: FOLLOWED,
    flaw: (memory) => ({
      async listUploads(selection, { after, limit }) {
        const uploads = await memory.listUploads(selection, { limit: 1000 });
        const begin = uploads.findIndex(({ id }) => id === after?.id) + 1;
        return uploads.slice(begin, begin + limit);
      },
    }),
  },
  "pages of batches that begin anew where the batch before is not selected any more": {
    caughtBy: "listBatches pages through the batches of one status, also while that changes",
    flaw: (memory) => ({
      async listBatches({ status, after, limit }) {
        const batches = await memory.listBatches({ status, limit: 1000 });
        const begin = batches.findIndex(({ id }) => id === after?.id) + 1;
        return batches.slice(begin, begin + limit);
      },
    }),
  },
  "a reset that does not look at the user": {
    caughtBy: "reprocess-all by the user alone takes nobody else's",
    flaw: selecting((selection, how) => (how === undefined ? selection : without(selection, "userId"))),
  },
  "an undo of all the uploads of those ids": {
    caughtBy: "undo takes the uploads that all keys hold for",
    flaw: selecting((selection, how) =>
      how === "undo" && "ids" in selection ? { ids: selection.ids ?? [] } : selection,
    ),
  },
};

describe("testRepositoryContract", () => {
  for (const [name, { caughtBy, flaw }] of Object.entries(flaws))
    test(`catches ${name}`, async () => {
      expect(await failuresOf(() => fixtureOf(flaw))).toContain(caughtBy);
    });
});
