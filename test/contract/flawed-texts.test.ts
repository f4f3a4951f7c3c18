import { describe, expect, test } from "vitest";
import type { MemoryRepository } from "../../src/adapters/memory.js";
import type { UploadFilter, UploadSelection } from "../../src/contracts/repository.js";
import type { UploadRecord } from "../../src/contracts/upload.js";
import { type Flaws, failuresOf, fixtureOf } from "./flawed-repository.js";

const same = (one: unknown, other: unknown) => String(one).toLowerCase() === String(other).toLowerCase();

/** Lists by the selection without one of its keys, and leaves out what does not pass a test for that. */
function selecting<Key extends keyof UploadFilter>(
  memory: MemoryRepository,
  key: Key,
  passes: (upload: UploadRecord, wanted: NonNullable<UploadFilter[Key]>) => boolean,
): MemoryRepository["listUploads"] {
  return async (selection, page) => {
    const { [key]: wanted, ...rest }: UploadFilter = "all" in selection ? {} : selection;
    if (wanted === undefined) return memory.listUploads(selection, page);
    const others: UploadSelection = Object.keys(rest).length === 0 ? { all: true } : (rest as UploadSelection);
    const uploads = await memory.listUploads(others, { ...page, limit: 100_000 });
    return uploads.filter((upload) => passes(upload, wanted as NonNullable<UploadFilter[Key]>)).slice(0, page.limit);
  };
}

/** The longest text that a column holds; more is refused. */
function columnOf(memory: MemoryRepository, field: "errorCode" | "errorStage" | "errorMessage", length: number) {
  const updateUpload: MemoryRepository["updateUpload"] = async (id, changes, claim) => {
    if ((changes[field]?.length ?? 0) > length) throw Object.assign(new Error("too long"), { code: "22001" });
    return memory.updateUpload(id, changes, claim);
  };
  return { updateUpload };
}

const valueAt = (upload: UploadRecord, field: string) =>
  field.split(".").reduce<unknown>((value, key) => Object(value)[key] ?? null, upload);

const ofCase = {
  "an upload whose id differs in upper and lower case is another one": (memory) => ({
    findUpload: async (id) =>
      (await memory.listUploads({ all: true }, { limit: 100_000 })).find((one) => same(one.id, id)) ?? null,
  }),
  "a batch whose id differs in upper and lower case is another one": (memory) => ({
    listUploads: selecting(memory, "batchId", (upload, batchId) => same(upload.batchId, batchId)),
  }),
  "a user whose name differs in upper and lower case is another one": (memory) => ({
    listUploads: selecting(memory, "userId", (upload, userId) => same(upload.userId, userId)),
  }),
  "a version that differs in upper and lower case is another one": (memory) => ({
    listUploads: selecting(memory, "notAiVersion", (upload, version) => !same(upload.aiVersion, version)),
  }),
  "a redo whose name differs in upper and lower case is another one": (memory) => ({
    resetUploads: (selection, how, redo) => memory.resetUploads(selection, how, redo.toLowerCase()),
  }),
} satisfies Record<string, Flaws[string]["flaw"]>;

const UUID = /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/i;
const LONG = "every error of the library can be stored, and those of stages with long names";

const flaws: Flaws = {
  ...Object.fromEntries(Object.entries(ofCase).map(([caughtBy, flaw]) => [`case: ${caughtBy}`, { caughtBy, flaw }])),
  "a column of UUIDs for the token": {
    caughtBy: "a claim takes an upload that is pending and not held",
    flaw: (memory) => ({
      async claimUpload(id, request) {
        if (!UUID.test(request.token)) throw Object.assign(new Error("no UUID"), { code: "22P02" });
        return memory.claimUpload(id, request);
      },
    }),
  },
  "metadata that is not looked at": {
    caughtBy: "uploads are listed and counted by what is missing at metadata.palette",
    flaw: (memory) => ({
      listUploads: selecting(memory, "missing", (upload, fields) =>
        fields.some((field) => !field.startsWith("metadata.") && valueAt(upload, field) === null),
      ),
    }),
  },
  "an object that is taken for nothing": {
    caughtBy: "uploads are listed and counted by what is missing at metadata.media.renditions.large",
    flaw: (memory) => ({
      listUploads: selecting(memory, "missing", (upload, fields) =>
        fields.some((field) => valueAt(upload, field) === null || typeof valueAt(upload, field) === "object"),
      ),
    }),
  },
  "a null that is taken for something": {
    caughtBy: "uploads are listed and counted by what is missing at metadata.sizes.640",
    flaw: (memory) => ({
      listUploads: selecting(memory, "missing", (upload, fields) =>
        fields.some((field) => {
          const at = field.lastIndexOf(".");
          return at === -1
            ? valueAt(upload, field) === null
            : !(field.slice(at + 1) in Object(valueAt(upload, field.slice(0, at))));
        }),
      ),
    }),
  },
  "a key that is taken for a subtraction": {
    caughtBy: "uploads are reset by what is missing at metadata.dominant-colour",
    flaw: (memory) => ({
      resetUploads: async (selection, how, redo) =>
        JSON.stringify(selection).includes("dominant-colour") ? 0 : memory.resetUploads(selection, how, redo),
    }),
  },
  "a column that is too short for the longest code": {
    caughtBy: LONG,
    flaw: (memory) => columnOf(memory, "errorCode", 17),
  },
  "a column that is too short for a stage": { caughtBy: LONG, flaw: (memory) => columnOf(memory, "errorStage", 59) },
  "a column that is too short for a message": {
    caughtBy: LONG,
    flaw: (memory) => columnOf(memory, "errorMessage", 499),
  },
  "leftovers that name the picture of the result that stands": {
    caughtBy: "reprocess keeps the keys of the pictures of a draft that it replaces, or none",
    flaw: (memory) => ({
      async resetUploads(selection, how, redo) {
        const before = await memory.listUploads(selection, { limit: 1000 });
        const count = await memory.resetUploads(selection, how, redo);
        for (const { id, thumbnailKey } of before)
          if (thumbnailKey) await memory.updateUpload(id, { draft: { leftovers: [thumbnailKey] } });
        return count;
      },
    }),
  },
  "the name of a redo that is cut": {
    caughtBy: "the name of a redo may have 500 characters",
    flaw: (memory) => ({
      resetUploads: (selection, how, redo) => memory.resetUploads(selection, how, redo.slice(0, 255)),
    }),
  },
};

describe("testRepositoryContract", () => {
  for (const [name, { caughtBy, flaw }] of Object.entries(flaws))
    test(`catches ${name}`, async () => {
      expect(await failuresOf(() => fixtureOf(flaw))).toContain(caughtBy);
    });

  test("leaves out ids that differ in case where ids are no texts", async () => {
    const create = () => ({
      ...fixtureOf(ofCase["an upload whose id differs in upper and lower case is another one"]),
      impossibleId: "abc",
    });
    expect(await failuresOf(create)).toEqual([]);
  });
});
