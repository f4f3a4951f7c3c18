import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { inspect } from "node:util";
import type { BatchRepositoryAdapter, ClaimOutcome, RepositoryAdapter } from "../../contracts/repository.js";
import type { BatchRecord, BatchStatus, UploadRecord, UploadStatus } from "../../contracts/upload.js";

/** A repository under test, and what the tests do behind its back. */
export interface RepositoryFixture<U extends UploadRecord = UploadRecord> {
  readonly repository: RepositoryAdapter<U> & Partial<BatchRepositoryAdapter<U>>;
  /** Stores new records in the given order of creation, each with all its fields. */
  readonly addUploads: (uploads: readonly UploadRecord[]) => Promise<void>;
  readonly deleteUpload: (id: string) => Promise<unknown>;
  /** Needed unless `batches` is `false`. Called before uploads are added that name the batch. */
  readonly addBatch?: ((batch: BatchRecord) => Promise<unknown>) | undefined;
  /**
   * A new id of an upload or of a batch, for tables whose ids are numbers, say. Uploads are added in the order in which their ids
   * were made, so that numbers that grow may be the order of creation. @default a UUID
   */
  readonly newId?: (() => string) | undefined;
  /** An id that the column cannot hold, as "abc" where ids are numbers or UUIDs: it has to be answered as one that is not there. */
  readonly impossibleId?: string | undefined;
  /**
   * A user that exists, for tables in which uploads and batches refer to one: all of them get this user. Without it, the
   * tests make up names of users.
   */
  readonly userId?: string | undefined;
  /** Moves the store's clock on, in milliseconds. @default waits as long */
  readonly advance?: ((ms: number) => Promise<void> | void) | undefined;
}

export interface RepositoryContractOptions<U extends UploadRecord = UploadRecord> {
  /** Registers a test: `test` of vitest, Jest or `node:test`. */
  readonly test: (name: string, body: () => Promise<void>) => unknown;
  /** Called at the start of every test. The store may be shared: ids are never used twice. */
  readonly create: () => RepositoryFixture<U> | Promise<RepositoryFixture<U>>;
  /** `false`: the repository has no `claimUpload`, and its users run one process. @default true */
  readonly claims?: boolean | undefined;
  /** `false`: the repository has no `resetUploads`. @default true, or `false` with `claims: false` */
  readonly resets?: boolean | undefined;
  /** `false`: the repository is for single uploads only, without `findBatch` and what belongs to it. @default true */
  readonly batches?: boolean | undefined;
  /**
   * `false`: the store runs inside this process and by its clock, as PGlite does, so that the tests cannot tell a lease by
   * the store's clock from one by the worker's. Otherwise they set the worker's `Date` off, and leases have to stand that.
   * @default true
   */
  readonly ownClock?: boolean | undefined;
  /** The length of the embeddings to store. @default 3 */
  readonly dimensions?: number | undefined;
}

type Request = Partial<{ leaseMs: number; token: string }>;

/** A fixture with everything in it that the tests call. */
export interface Setup<U extends UploadRecord> {
  readonly repository: BatchRepositoryAdapter<U>;
  /** Whether the repository knows batches, and claims. */
  readonly knows: { readonly batches: boolean; readonly claims: boolean };
  /** A claim with a new token, unless one is given. */
  readonly claim: (id: string, request?: Request) => Promise<ClaimOutcome<U>>;
  /** A claim that has to be granted. */
  readonly granted: (id: string, request?: Request) => Promise<{ upload: U; fence: number }>;
  readonly reset: NonNullable<RepositoryAdapter<U>["resetUploads"]>;
  /** The record, which has to be there. */
  readonly read: (id: string) => Promise<U>;
  /** A pending upload with a new id, not stored yet. */
  readonly newUpload: (fields?: Partial<UploadRecord>) => UploadRecord;
  /** Adds one upload, pending unless `fields` say otherwise, and answers with its id. */
  readonly add: (fields?: Partial<UploadRecord>) => Promise<string>;
  readonly addUploads: (uploads: readonly UploadRecord[]) => Promise<void>;
  readonly deleteUpload: (id: string) => Promise<unknown>;
  readonly addBatch: (batch: BatchRecord) => Promise<unknown>;
  /** Adds a batch, and answers with its id. */
  readonly newBatch: (status?: BatchStatus) => Promise<string>;
  /** Never used before, in this run or another. */
  readonly newId: () => string;
  /** Whether the ids may tell the order of creation. */
  readonly idsMayBeOrder: boolean;
  /** Whether an id may be any text: nothing says that the column is one of numbers or of UUIDs. */
  readonly idsMayBeAnyText: boolean;
  /** Ids of which there is no row: a new one, and one that no row can have where the fixture names it. */
  readonly unknownIds: () => string[];
  /** The user of all uploads; `undefined` where names of users may be made up. */
  readonly userId: string | undefined;
  readonly advance: (ms: number) => Promise<void>;
  /** An embedding of the length that the store takes. */
  readonly vector: (first?: number) => number[];
}

/** Where tests are registered. */
export interface Bench<U extends UploadRecord> {
  readonly test: (name: string, body: (setup: Setup<U>) => Promise<void>) => void;
}

export const STATUSES = ["pending", "analyzing", "embedding", "completed", "failed"] as const satisfies UploadStatus[];
export const OPEN = ["pending", "analyzing", "embedding"] as const satisfies UploadStatus[];
export const SETTLED = ["completed", "failed"] as const satisfies UploadStatus[];

/** Longer than any test takes: no lease of this length runs out by accident. */
export const LONG_MS = 60_000;
/** A lease that is meant to run out, and the wait after which it certainly has. */
export const SHORT_MS = 150;
export const PAST_SHORT_MS = 250;

/** A name that nobody has used: of a user, or of whatever a test makes up. */
export function newName(): string {
  return randomUUID();
}

/** The library's tokens look like this one and are shorter: a column has to hold texts of this length. */
const TOKEN_LENGTH = 50;
let tokens = 0;

/** New for each claim. No UUID, which a column of that type would take. */
export function newToken(): string {
  const random = randomUUID().replaceAll("-", "").slice(0, 20);
  return `${random}-${String(++tokens).padStart(TOKEN_LENGTH - random.length - 1, "0")}`;
}

/** New for each redo: by default a UUID, but users and engines give names of their own. */
export function newRedo(): string {
  return `nightly "${randomUUID()}": what's left, 100 % (é)`;
}

export function createBench<U extends UploadRecord>(options: RepositoryContractOptions<U>): Bench<U> {
  return {
    test(name, body) {
      options.test(name, async () => {
        const fixture = await options.create();
        requireMembers(fixture, options);
        await body(createSetup(fixture, options));
      });
    },
  };
}

/** What the suite calls, by the options. */
export function capabilities({
  claims = true,
  resets = claims,
  batches = true,
}: Pick<RepositoryContractOptions, "claims" | "resets" | "batches">) {
  return { claims, resets, batches };
}

function requireMembers<U extends UploadRecord>(
  { repository, addBatch }: RepositoryFixture<U>,
  options: RepositoryContractOptions<U>,
): void {
  const { claims, resets, batches } = capabilities(options);
  const needed: (keyof BatchRepositoryAdapter)[] = [];
  if (claims) needed.push("claimUpload");
  if (resets) needed.push("resetUploads");
  if (batches) needed.push("findBatch", "updateBatch", "listUploads", "countUploads", "listBatches");
  for (const member of needed)
    assert.equal(typeof repository[member], "function", `repository.${member} has to be a function`);
  if (batches) assert.equal(typeof addBatch, "function", "the fixture needs addBatch");
}

function createSetup<U extends UploadRecord>(
  fixture: RepositoryFixture<U>,
  options: RepositoryContractOptions<U>,
): Setup<U> {
  const { repository, addUploads, deleteUpload, addBatch, newId = randomUUID, userId, advance = sleep } = fixture;
  const { impossibleId } = fixture;
  const { dimensions = 3 } = options;
  const { claims, batches } = capabilities(options);
  const ofUser = userId === undefined ? {} : { userId };

  const claim: Setup<U>["claim"] = async (id, { leaseMs = LONG_MS, token = newToken() } = {}) => {
    assert.ok(repository.claimUpload);
    const answer = await repository.claimUpload(id, { leaseMs, token });
    if (answer.outcome === "busy" && answer.retryAfterMs !== undefined) {
      const remedy = "as Number(row.…) where the driver makes a text of it";
      assert.ok(
        Number.isFinite(answer.retryAfterMs),
        `retryAfterMs has to be a number, ${remedy}, not ${inspect(answer.retryAfterMs)}`,
      );
    }
    return answer;
  };
  const newUpload: Setup<U>["newUpload"] = (fields) => {
    const id = newId();
    return { id, storageKey: `originals/${id}.jpg`, status: "pending", ...ofUser, ...fields };
  };
  return {
    repository: repository as BatchRepositoryAdapter<U>,
    knows: { batches, claims },
    claim,
    async granted(id, request) {
      const answer = await claim(id, request);
      assert.equal(answer.outcome, "claimed");
      return answer;
    },
    async reset(...call) {
      assert.ok(repository.resetUploads);
      return repository.resetUploads(...call);
    },
    async read(id) {
      const upload = await repository.findUpload(id);
      assert.ok(upload, `upload ${id} has to be there`);
      return upload;
    },
    newUpload,
    async add(fields) {
      const upload = newUpload(fields);
      await addUploads([upload]);
      return upload.id;
    },
    addUploads,
    deleteUpload,
    addBatch: async (batch) => addBatch?.({ ...ofUser, ...batch }),
    async newBatch(status = "processing") {
      const id = newId();
      await addBatch?.({ id, status, ...ofUser });
      return id;
    },
    newId,
    idsMayBeOrder: fixture.newId !== undefined,
    idsMayBeAnyText: fixture.newId === undefined && impossibleId === undefined,
    unknownIds: () => (impossibleId === undefined ? [newId()] : [newId(), impossibleId]),
    userId,
    advance: async (ms) => {
      await advance(ms);
    },
    vector: (first = 1) => Array.from({ length: dimensions }, (_, index) => (index === 0 ? first : 0.5 / index)),
  };
}
