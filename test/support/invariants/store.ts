import { memoryRepository } from "../../../src/adapters/memory.js";
import type { BatchRepositoryAdapter, BatchStatus, RepositoryAdapter, UploadRecord } from "../../../src/index.js";

type Claim = NonNullable<RepositoryAdapter<UploadRecord>["claimUpload"]>;
type Update = RepositoryAdapter<UploadRecord>["updateUpload"];
type UpdateBatch = BatchRepositoryAdapter<UploadRecord>["updateBatch"];

const isSettled = (upload: UploadRecord | null) => upload?.status === "completed" || upload?.status === "failed";

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
  readonly #fences = new Map<string, number>();
  readonly #leases = new Map<string, number>();
  /** The batch may go from `processing` to `completed` once for each time that it has come to be `processing`. */
  #begun = 0;
  #completed = 0;

  constructor(uploads: readonly UploadRecord[]) {
    this.#uploads = uploads.length;
    this.repository = memoryRepository<UploadRecord>({ uploads, batches: [{ id: "b", status: "pending" }] });
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
    const answer = await this.repository.claimUpload(id, request);
    const before = await reading;
    if (answer.outcome !== "claimed") return answer;
    if (isSettled(before) && request.mode === "continue")
      this.#problem(id, `${before?.status}, and claimed all the same`);
    const held = before?.status === "analyzing" || before?.status === "embedding";
    if (held && (this.#leases.get(id) ?? 0) > Date.now()) this.#problem(id, "claimed within the lease of another");
    if (answer.fence <= (this.#fences.get(id) ?? 0)) this.#problem(id, `the fence ${answer.fence} did not increase`);
    this.#fences.set(id, answer.fence);
    this.#leases.set(id, Date.now() + request.leaseMs);
    return answer;
  };

  updateUpload: Update = async (id, changes, claim) => {
    const reading = this.repository.findUpload(id);
    const writing = this.repository.updateUpload(id, changes, claim);
    const rereading = this.repository.findUpload(id);
    const [before, outcome, after] = [await reading, await writing, await rereading];
    const changed = JSON.stringify(before) !== JSON.stringify(after);
    if (outcome !== "saved" && changed) this.#problem(id, `"${outcome}", and written all the same`);
    if (outcome === "saved" && claim !== undefined) {
      if (claim.fence !== this.#fences.get(id)) this.#problem(id, "written with an old fence");
      if (isSettled(before) && before?.status !== after?.status) this.#problem(id, "reopened by a late write");
      if (claim.leaseMs !== undefined) this.#leases.set(id, Date.now() + claim.leaseMs);
    }
    return outcome;
  };

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

  #problem(what: string, problem: string): void {
    this.problems.push(`${what}: ${problem}`);
  }
}
