import { memoryRepository } from "../../../src/adapters/memory.js";
import {
  type BatchRepositoryAdapter,
  type BatchStatus,
  hasResult,
  type RepositoryAdapter,
  type UploadRecord,
} from "../../../src/index.js";

type Claim = NonNullable<RepositoryAdapter<UploadRecord>["claimUpload"]>;
type Reset = NonNullable<RepositoryAdapter<UploadRecord>["resetUploads"]>;
type Update = RepositoryAdapter<UploadRecord>["updateUpload"];
type UpdateBatch = BatchRepositoryAdapter<UploadRecord>["updateBatch"];

const isSettled = (upload: UploadRecord | null) => upload?.status === "completed" || upload?.status === "failed";
const isInProgress = (upload: UploadRecord | null) => upload?.status === "analyzing" || upload?.status === "embedding";

/** What was granted last. */
interface Grant {
  readonly fence: number;
  readonly token: string;
  readonly leaseUntil: number;
}

/**
 * What the workers share: the repository, the objects of the storage, and a model of both that every call is held against.
 * The repository is in memory and answers in one step, so what it holds right before and after a call can be read.
 */
export class Store {
  readonly objects = new Set<string>();
  readonly problems: string[] = [];
  /** Uploads that came later, perhaps right after the count that found nothing open. */
  readonly added = new Set<string>();
  readonly repository;
  #uploads: number;
  readonly #grants = new Map<string, Grant>();
  /** Uploads that were completed once: from then on people see them. */
  readonly #shown = new Set<string>();
  /** The batch may go from `processing` to `completed` once for each time that it has come to be `processing`. */
  #begun = 0;
  #completed = 0;

  constructor(uploads: readonly UploadRecord[]) {
    this.#uploads = uploads.length;
    this.repository = memoryRepository<UploadRecord>({ uploads, batches: [{ id: "b", status: "pending" }] });
    for (const upload of uploads) if (hasResult(upload)) this.#shown.add(upload.id);
  }

  /** How many uploads there ever were. */
  get uploads(): number {
    return this.#uploads;
  }

  async addUpload(): Promise<void> {
    const id = `u${this.#uploads++}`;
    this.added.add(id);
    await this.repository.addUploads([{ id, storageKey: `k${id}`, batchId: "b", status: "pending" }]);
  }

  claimUpload: Claim = async (id, request) => {
    const reading = this.repository.findUpload(id);
    const readingBatch = this.repository.findBatch("b");
    const answer = await this.repository.claimUpload(id, request);
    const before = await reading;
    if (answer.outcome !== "claimed") return answer;
    const last = this.#grants.get(id);
    const { fence } = answer;
    if (isSettled(before)) this.#problem(id, `${before?.status}, and claimed all the same`);
    if (isInProgress(before) && last?.token === request.token) {
      if (fence !== last.fence) this.#problem(id, "a claim was answered once more, with another fence");
      if (answer.upload.starts !== before?.starts) this.#problem(id, "a claim that was answered once more was counted");
    } else {
      if (isInProgress(before) && (last?.leaseUntil ?? 0) > Date.now())
        this.#problem(id, "claimed within the lease of another");
      if (fence <= (last?.fence ?? 0)) this.#problem(id, `the fence ${fence} did not increase`);
      if ((await readingBatch)?.status === "cancelled") this.#problem(id, "claimed though its batch is cancelled");
    }
    this.#grants.set(id, { fence, token: request.token, leaseUntil: Date.now() + request.leaseMs });
    this.#look(before, answer.upload);
    return answer;
  };

  updateUpload: Update = async (id, changes, claim) => {
    const reading = this.repository.findUpload(id);
    const readingBatch = this.repository.findBatch("b");
    const writing = this.repository.updateUpload(id, changes, claim);
    const rereading = this.repository.findUpload(id);
    const [before, outcome, after] = [await reading, await writing, await rereading];
    if (outcome !== "saved" && outcome !== "cancelled") {
      const changed = JSON.stringify(before) !== JSON.stringify(after);
      if (changed) this.#problem(id, `"${outcome}", and written all the same`);
      return outcome;
    }
    const isCancelled = (await readingBatch)?.status === "cancelled";
    if ((outcome === "cancelled") !== (isCancelled && claim?.leaseMs !== undefined))
      this.#problem(id, `"${outcome}" by a batch that is ${isCancelled ? "" : "not "}cancelled`);
    const isReset = claim === undefined && after?.status === "pending";
    if (isSettled(before) && before?.status !== after?.status && !isReset)
      this.#problem(id, "changed by a late write when it was settled");
    const last = this.#grants.get(id);
    if (claim !== undefined) {
      if (claim.fence !== last?.fence) this.#problem(id, "written with an old fence");
      else if (claim.leaseMs !== undefined) this.#grants.set(id, { ...last, leaseUntil: Date.now() + claim.leaseMs });
    }
    this.#look(before, after);
    return outcome;
  };

  resetUploads: Reset = async (selection, how, redo) => {
    const all = { batchId: "b" } as const;
    const reading = this.repository.listUploads(all, { limit: 1000 });
    const readingBatch = this.repository.findBatch("b");
    const resetting = this.repository.resetUploads(selection, how, redo);
    const rereading = this.repository.listUploads(all, { limit: 1000 });
    const [before, count] = [await reading, await resetting];
    const after = new Map((await rereading).map((upload) => [upload.id, upload]));
    let changed = 0;
    for (const upload of before) {
      const now = after.get(upload.id) ?? null;
      if (JSON.stringify(upload) === JSON.stringify(now)) continue;
      changed++;
      this.#look(upload, now);
      if (how === "undo") this.#undone(upload);
      else this.#reset(upload, now, redo);
    }
    if (changed !== count) this.#problem("a reset", `${count} rows are said to be changed, and ${changed} were`);
    if (how !== "undo" && count > 0 && (await readingBatch)?.status !== "processing") this.#begun++;
    return count;
  };

  #reset(before: UploadRecord, after: UploadRecord | null, redo: string): void {
    if (!isSettled(before)) this.#problem(before.id, `${before.status}, and reset`);
    if (before.draft?.redo === redo || before.metadata?.redo === redo)
      this.#problem(before.id, `reset twice by ${redo}`);
    if (after?.draft?.redo !== redo && after?.metadata?.redo !== redo)
      this.#problem(before.id, "reset without the name");
    for (const field of ["description", "embedding", "thumbnailKey"] as const)
      if (JSON.stringify(before[field]) !== JSON.stringify(after?.[field]))
        this.#problem(before.id, `a reset has changed its ${field}`);
  }

  #undone(before: UploadRecord): void {
    const last = this.#grants.get(before.id);
    if (isInProgress(before) && (last?.leaseUntil ?? 0) > Date.now())
      this.#problem(before.id, "undone while it is held");
    // Whoever held it is late from now on.
    this.#grants.set(before.id, { token: "", leaseUntil: 0, ...last, fence: (last?.fence ?? 0) + 1 });
  }

  /** @param resumes whether the worker may take up a cancelled batch */
  async updateBatch(resumes: boolean, ...[id, changes, expected]: Parameters<UpdateBatch>) {
    const reading = this.repository.findBatch(id);
    const outcome = await this.repository.updateBatch(id, changes, expected);
    const before: BatchStatus | undefined = (await reading)?.status;
    if (outcome !== "saved" || before === changes.status) return outcome;
    if (before === "cancelled" && !resumes) this.#problem("the batch", `${changes.status} after it was cancelled`);
    if (changes.status === "processing") this.#begun++;
    if (changes.status === "completed") this.#completed++;
    if (this.#completed > this.#begun) this.#problem("the batch", "completed more often than it was begun");
    return outcome;
  }

  /** What was completed once has a result at every moment, and what is completed has no draft but that of a failed redo. */
  #look(before: UploadRecord | null, after: UploadRecord | null): void {
    if (after === null) return;
    const { id, description, embedding, status, draft, errorCode } = after;
    if (hasResult(after)) this.#shown.add(id);
    else if (this.#shown.has(id)) this.#problem(id, `${status}, though it was completed before`);
    if (this.#shown.has(id) && !(description && embedding?.length)) this.#problem(id, "has lost its result");
    if (status === "completed" && before?.status !== "completed" && draft && !errorCode)
      this.#problem(id, "completed with a draft");
  }

  #problem(what: string, problem: string): void {
    this.problems.push(`${what}: ${problem}`);
  }
}
