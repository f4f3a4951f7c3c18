import { randomBytes } from "node:crypto";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { memoryRepository, memoryStorage } from "../../src/adapters/memory.js";
import {
  type AIAdapter,
  BatchProcessor,
  defineStage,
  processUploadWithRetry,
  RepositoryError,
  type UploadRecord,
} from "../../src/index.js";
import { jpeg } from "../support/fakes.js";
import {
  LONGEST_DESCRIPTION,
  REFUSALS,
  type RefusingStore,
  refusingMemory,
  refusingPglite,
  refusingPostgres,
} from "../support/refusing-stores.js";

/** A store that refuses a value is no outage: exactly that upload fails, with the store's reason, and nothing waits. */
const url = process.env.TEST_POSTGRES_URL;

const NUL = "a\0b";
/** What the model answers for some of 50 uploads. */
const ODD = {
  long: { id: "u3", text: "x".repeat(LONGEST_DESCRIPTION + 1) },
  word: { id: "u11", text: "a forbidden sight" },
  raised: { id: "u13", text: "an unwelcome sight" },
  raisedByName: { id: "u19", text: "an unheard sound" },
  key: { id: "u47" },
  vector: { id: "u17", vector: [1, 2, 3, 4] },
  infinite: { id: "u23", vector: [1, 2, 1e39] },
  nul: { id: "u29" },
  emoji: { id: "u31", text: "a cat 🐈" },
  emojiInFacts: { id: "u37" },
  emojiInReason: { id: "u41" },
} as const;
/** It cannot be compressed to what an index takes. */
const LONG_KEY = randomBytes(6000).toString("hex");
const UPLOADS: readonly UploadRecord[] = Array.from({ length: 50 }, (_, n) => ({
  id: `u${n}`,
  storageKey: `originals/${n}`,
  status: "pending",
  batchId: "batch",
}));

function model() {
  const calls = { describe: new Map<string, number>(), embed: new Map<string, number>() };
  const count = (stage: keyof typeof calls, id: string) => calls[stage].set(id, (calls[stage].get(id) ?? 0) + 1);
  const answers = Object.values(ODD) as readonly { id: string; text?: string; vector?: readonly number[] }[];
  const of = (id: string) => answers.find((one) => one.id === id);
  const ai: AIAdapter = {
    describe: async ({ upload: { id } }) => {
      count("describe", id);
      if (id === ODD.emojiInReason.id) throw Object.assign(new Error("cannot see\0🐈 at all"), { retryable: false });
      if (id === ODD.nul.id)
        return { text: NUL, metadata: { [NUL]: [NUL, { deep: NUL }] }, usage: { model: NUL, inputTokens: 1 } };
      const seen = id === ODD.emojiInFacts.id ? "🐈" : id === ODD.key.id ? LONG_KEY : "cat";
      return { text: of(id)?.text ?? `a photo of ${id}`, metadata: { seen } };
    },
    embed: async ({ media }) => {
      count("embed", media.upload.id);
      return [...(of(media.upload.id)?.vector ?? [1, 2, 3])];
    },
  };
  return { ai, calls };
}

async function processed(store: RefusingStore) {
  onTestFinished(store.close);
  const { ai, calls } = model();
  const storage = memoryStorage(UPLOADS.map(({ storageKey }) => [storageKey, jpeg]));
  const stage = defineStage({ name: "checked", run: async () => ({ by: NUL }) });
  const { repository } = store;
  const processor = new BatchProcessor({ storage, ai, repository, stages: [stage], retry: { minTimeout: 1 } });
  const waits: string[] = [];
  processor.on("batch:paused", () => waits.push("batch:paused"));
  processor.on("upload:retry", ({ uploadId }) => waits.push(uploadId));
  const result = await processor.process("batch");
  const row = async (id: string) => {
    const found = await repository.findUpload(id);
    if (found === null) throw new Error(`${id} is gone`);
    return found;
  };
  return { result, calls, waits, storage, row, processor, ai };
}

const stores: readonly [string, () => Promise<RefusingStore>][] = [
  ...Object.entries(REFUSALS).map(
    ([name, refusal]) => [`in memory, by ${name}`, async () => refusingMemory(UPLOADS, refusal)] as const,
  ),
  ["PGlite", () => refusingPglite(UPLOADS)],
  ...(url === undefined
    ? []
    : (["UTF8", "LATIN1"] as const).map(
        (encoding) => [`PostgreSQL, ${encoding}`, () => refusingPostgres(url, encoding, UPLOADS)] as const,
      )),
].map(([name, make]) => [name as string, make as () => Promise<RefusingStore>]);

describe.each(stores)("%s", (_, make) => {
  test("of 50 uploads exactly those whose results are refused fail, by the store's reason", async () => {
    const store = await make();
    const { result, calls, waits, storage, row } = await processed(store);
    const { long, word, raised, raisedByName, key, vector } = ODD;
    const refused = [long, word, raised, raisedByName, key, vector].map(({ id }): string => id);
    if (store.isLatin1) refused.push(ODD.emoji.id, ODD.emojiInFacts.id);
    const failing: string[] = [...refused, ODD.infinite.id, ODD.emojiInReason.id];
    expect(result).toMatchObject({ status: "completed", completed: 50 - failing.length, failed: failing.length });
    expect(result.failures.map(({ uploadId }) => uploadId).sort()).toEqual(failing.sort());
    // Nothing was waited for, and nothing done twice.
    expect(waits).toEqual([]);
    expect([...calls.describe.values()].every((times) => times === 1)).toBe(true);
    expect([...calls.embed.values()].every((times) => times === 1)).toBe(true);

    for (const { id } of UPLOADS) {
      const { status, errorCode, starts, thumbnailKey } = await row(id);
      expect({ id, status, starts: starts ?? 0 }).toEqual({
        id,
        status: failing.includes(id) ? "failed" : "completed",
        starts: 0,
      });
      // Every field that was not refused is stored.
      expect(storage.keys()).toContain(thumbnailKey);
      if (refused.includes(id)) expect({ id, errorCode }).toEqual({ id, errorCode: "RESULT_REFUSED" });
    }
    for (const reason of ["long", "word", "raised", "raisedByName", "key", "vector"] as const)
      expect((await row(ODD[reason].id)).errorMessage).toMatch(store.reasons[reason]);
    const withoutText = await row(long.id);
    expect(withoutText.description ?? null).toBeNull();
    expect(withoutText.metadata).toMatchObject({ checked: { by: "ab" }, seen: "cat", media: { kind: "image" } });
    for (const { id } of [vector, key]) expect((await row(id)).description).toBe(`a photo of ${id}`);
    expect(await row(ODD.infinite.id)).toMatchObject({ errorCode: "INVALID_EMBEDDING", description: "a photo of u23" });
  });

  test("text is cleaned of NULs wherever it comes from, and a reason is stored in the letters that there are", async () => {
    const store = await make();
    const { row } = await processed(store);
    const { status, description, metadata } = await row(ODD.nul.id);
    expect({ status, description, metadata }).toMatchObject({
      status: "completed",
      description: "ab",
      metadata: { ab: ["ab", { deep: "ab" }], checked: { by: "ab" }, usage: { model: "ab", inputTokens: 1 } },
    });
    const { errorCode, errorMessage } = await row(ODD.emojiInReason.id);
    expect(errorCode).toBe("DESCRIBE_FAILED");
    expect(errorMessage).toBe(store.isLatin1 ? "cannot see ? at all" : "cannot see 🐈 at all");
    if (!store.isLatin1) return;
    const emoji = await row(ODD.emojiInFacts.id);
    expect(emoji.errorMessage).toMatch(/no equivalent in encoding "LATIN1"/);
    expect(emoji.description).toBe("a photo of u37");
    expect(emoji.metadata).toMatchObject({ checked: { by: "ab" }, media: { kind: "image" } });
    expect((await row(ODD.emoji.id)).errorMessage).toMatch(/no equivalent in encoding "LATIN1"/);
  });

  test("tried again when the model has learnt to be brief, nothing else is paid for again", async () => {
    const store = await make();
    const { row, processor, calls, ai } = await processed(store);
    Object.assign(ai, {
      describe: async ({ upload }: { upload: UploadRecord }) => {
        calls.describe.set(upload.id, (calls.describe.get(upload.id) ?? 0) + 1);
        return "brief";
      },
    });
    const ids = [ODD.long.id, ODD.vector.id];
    const redone = await processor.rerun({ ids }, "retry");
    // The vector is refused again: it comes of the embedding alone.
    expect(redone).toMatchObject({ completed: 1, failed: 1 });
    expect(await row(ODD.long.id)).toMatchObject({ status: "completed", description: "brief" });
    expect(ids.map((id) => [calls.describe.get(id), calls.embed.get(id)])).toEqual([
      [2, 1],
      [1, 2],
    ]);
  });
});

test.each([undefined, "reprocess-all"] as const)(
  "one key of the metadata is refused, rerun %s: the others are kept",
  async (rerun) => {
    const was: UploadRecord = { id: "a", storageKey: "a.jpg", status: "completed", description: "old", embedding: [1] };
    const upload: UploadRecord = rerun === undefined ? { id: "a", storageKey: "a.jpg", status: "pending" } : was;
    const stored = memoryRepository({ uploads: [upload] });
    const { updateUpload } = stored;
    const repository = {
      ...stored,
      updateUpload: async (...[id, changes, claim]: Parameters<typeof updateUpload>) => {
        const { metadata } = changes.draft ?? changes;
        if (metadata?.bad !== undefined) throw Object.assign(new Error("violates check"), { code: "23514" });
        return updateUpload(id, changes, claim);
      },
    };
    const ai = { describe: async () => ({ text: "words", metadata: { bad: 1, fine: 2 }, usage: { inputTokens: 7 } }) };
    const adapters = { storage: memoryStorage([["a.jpg", jpeg]]), ai, repository };
    const result = await processUploadWithRetry("a", adapters, { thumbnail: false, rerun });
    expect(result).toMatchObject({ status: "failed", error: { code: "RESULT_REFUSED" } });
    const row = await stored.findUpload("a");
    const made = rerun === undefined ? row : row?.draft;
    expect(made?.description).toBe("words");
    expect(Object.keys(made?.metadata ?? {}).sort()).toEqual(["fine", "media", "usage"]);
    if (rerun !== undefined) expect(row).toMatchObject({ status: "completed", description: "old" });
  },
);

test("a column that is too short for the reason, too, holds up nobody", async () => {
  const store = refusingMemory(UPLOADS, REFUSALS["an SQLSTATE"] as (message: string, sqlState: string) => Error);
  const { updateUpload } = store.repository;
  const repository = {
    ...store.repository,
    updateUpload: async (...[id, changes, claim]: Parameters<typeof updateUpload>) => {
      if ((changes.errorCode?.length ?? 0) > 10) throw Object.assign(new Error("value too long"), { code: "22001" });
      return updateUpload(id, changes, claim);
    },
  };
  const { result, row } = await processed({ ...store, repository });
  expect(result).toMatchObject({ status: "completed", completed: 42, failed: 8 });
  const { status, errorCode, errorMessage } = await row(ODD.long.id);
  expect({ status, errorCode: errorCode ?? null }).toEqual({ status: "failed", errorCode: null });
  expect(errorMessage).toMatch(/value too long/);
});

test.each(["findUpload", "claimUpload"] as const)("a %s that is refused rejects as the docs say", async (member) => {
  const { repository } = refusingMemory(UPLOADS, () => new Error("refused"));
  const refuse = async () => {
    throw Object.assign(new Error('invalid input syntax for type bigint: "abc"'), { code: "22P02" });
  };
  const claims = member === "findUpload" ? { claimUpload: undefined, resetUploads: undefined } : {};
  const adapters = { storage: memoryStorage(), ai: { describe: async () => "a photo" } };
  const processed = processUploadWithRetry("abc", {
    ...adapters,
    repository: { ...repository, ...claims, [member]: refuse },
  });
  const error = await processed.catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(RepositoryError);
  expect(error).toMatchObject({ code: "REPOSITORY_FAILED", fault: "upload", retryable: false });
  expect((error as Error).message).toMatch(/^Upload abc could not be (?:read|claimed): invalid input syntax/);
});

test.each(["claimUpload", "updateUpload"] as const)("a row whose %s is refused is not waited for", async (member) => {
  const store = refusingMemory(UPLOADS, () => new Error("refused"));
  const refuse = async () => {
    throw Object.assign(new Error("not this row"), { code: "P0001" });
  };
  const of = store.repository[member] as (...args: unknown[]) => Promise<unknown>;
  const repository = {
    ...store.repository,
    [member]: (...args: unknown[]) => (args[0] === "u5" ? refuse() : of(...args)),
  };
  const storage = memoryStorage(UPLOADS.map(({ storageKey }) => [storageKey, jpeg]));
  const describe = vi.fn(async () => "a photo");
  const processor = new BatchProcessor({ storage, ai: { describe }, repository });
  const result = await processor.process("batch");
  expect(result).toMatchObject({ completed: 49, failed: 0, aborted: 1 });
  expect(result.failures.map(({ uploadId, error }) => [uploadId, error.code])).toEqual([["u5", "RESULT_REFUSED"]]);
  expect(describe).toHaveBeenCalledTimes(49);
});
