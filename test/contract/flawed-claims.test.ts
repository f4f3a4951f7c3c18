import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { type Flaws, failuresOf, fixtureOf } from "./flawed-repository.js";

const flaws: Flaws = {
  "metadata that is replaced, not merged": {
    caughtBy: "metadata is merged: a key that is written replaces its own, the others stay",
    flaw: (memory) => ({
      async updateUpload(id, { metadata, ...changes }, claim) {
        if (metadata) await memory.updateUpload(id, { metadata: null }, claim);
        return memory.updateUpload(id, metadata === undefined ? changes : { ...changes, metadata }, claim);
      },
    }),
  },
  "a draft that is replaced, not merged": {
    caughtBy: "a draft is merged: each checkpoint sends its own keys, in any order",
    flaw: (memory) => ({
      async updateUpload(id, { draft, ...changes }, claim) {
        if (draft) await memory.updateUpload(id, { draft: null }, claim);
        return memory.updateUpload(id, draft === undefined ? changes : { ...changes, draft }, claim);
      },
    }),
  },
  "metadata that is read, merged and written in two steps": {
    caughtBy: "writes of different keys at once all arrive",
    flaw: (memory) => ({
      async updateUpload(id, { metadata, ...changes }, claim) {
        if (!metadata) return memory.updateUpload(id, metadata === null ? { ...changes, metadata } : changes, claim);
        const merged = { ...(await memory.findUpload(id))?.metadata, ...metadata };
        await sleep(0);
        await memory.updateUpload(id, { metadata: null }, claim);
        return memory.updateUpload(id, { ...changes, metadata: merged }, claim);
      },
    }),
  },
  "null that does not drop the draft": {
    caughtBy: "the write that completes an upload drops its draft with null",
    flaw: (memory) => ({
      updateUpload: (id, { draft, ...changes }, claim) =>
        memory.updateUpload(id, draft ? { ...changes, draft } : changes, claim),
    }),
  },
  "a token that is ignored": {
    caughtBy: "a claim whose answer was lost is answered again, with nothing counted and its lease renewed",
    flaw: (memory) => {
      let claims = 0;
      return { claimUpload: (id, { leaseMs }) => memory.claimUpload(id, { leaseMs, token: `claim-${claims++}` }) };
    },
  },
  "a token that is forgotten when the upload is released": {
    caughtBy: "a claim that is delivered a second time after the release grants nothing",
    flaw: (memory) => ({
      async claimUpload(id, request) {
        const open = (await memory.findUpload(id))?.status === "pending";
        return memory.claimUpload(id, open ? { ...request, token: `${request.token}-${Math.random()}` } : request);
      },
    }),
  },
  "a repeated claim that does not renew the lease": {
    caughtBy: "a claim whose answer was lost is answered again, with nothing counted and its lease renewed",
    flaw: (memory) => {
      const leases = new Map<string, number>();
      return {
        claimUpload(id, { leaseMs, token }) {
          const first = leases.get(`${id} ${token}`) ?? leaseMs;
          leases.set(`${id} ${token}`, first);
          return memory.claimUpload(id, { leaseMs: first, token });
        },
      };
    },
  },
  "a claim that does not look at the batch": {
    caughtBy: "a claim of an upload that is pending in a cancelled batch changes nothing",
    flaw: (memory) => ({
      async claimUpload(id, request) {
        const answer = await memory.claimUpload(id, request);
        if (answer.outcome !== "cancelled") return answer;
        const batchId = (await memory.findUpload(id))?.batchId ?? "";
        await memory.updateBatch(batchId, { status: "processing" });
        const granted = await memory.claimUpload(id, request);
        await memory.updateBatch(batchId, { status: "cancelled" });
        return granted;
      },
    }),
  },
  '"cancelled" that is not told to a renewal': {
    caughtBy: 'a renewal is answered "cancelled", and written all the same',
    flaw: (memory) => ({
      async updateUpload(...write) {
        const outcome = await memory.updateUpload(...write);
        return outcome === "cancelled" ? "saved" : outcome;
      },
    }),
  },
  '"cancelled" that is told to the final write': {
    caughtBy: 'writes that renew nothing are "saved" in a cancelled batch, too',
    flaw: (memory) => ({
      async updateUpload(id, changes, claim) {
        const outcome = await memory.updateUpload(id, changes, claim);
        const batch = await memory.findBatch((await memory.findUpload(id))?.batchId ?? "");
        return outcome === "saved" && claim && batch?.status === "cancelled" ? "cancelled" : outcome;
      },
    }),
  },
  "a renewal in a cancelled batch that is not written": {
    caughtBy: 'a renewal is answered "cancelled", and written all the same',
    flaw: (memory) => ({
      async updateUpload(id, changes, claim) {
        const batch = await memory.findBatch((await memory.findUpload(id))?.batchId ?? "");
        const cancelled = claim?.leaseMs !== undefined && batch?.status === "cancelled";
        return memory.updateUpload(id, cancelled ? {} : changes, claim);
      },
    }),
  },
  "a selection of which one key is overlooked": {
    caughtBy: "uploads are listed and counted by error codes",
    flaw: (memory) => ({
      async listUploads(selection, page) {
        if (!("errorCodes" in selection && "batchId" in selection)) return memory.listUploads(selection, page);
        return memory.listUploads({ batchId: selection.batchId ?? "" }, page);
      },
    }),
  },
  "a comparison of versions that overlooks null": {
    caughtBy: "uploads are listed and counted by another version, or none",
    flaw: (memory) => ({
      async listUploads(selection, page) {
        const uploads = await memory.listUploads(selection, page);
        return "notAiVersion" in selection ? uploads.filter(({ aiVersion }) => aiVersion !== null) : uploads;
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
