import { memoryRepository } from "../../../src/adapters/memory.js";
import { hasResult, type UploadRecord } from "../../../src/index.js";
import { versionOfStage } from "../../../src/records.js";
import type { History } from "./history.js";

export interface ModelVersion {
  readonly describe: string;
  readonly embed: string;
}

export type ModelStage = keyof ModelVersion;

/**
 * What the workers share: rows and thumbnails, and what people see of them. After every change of either it is looked at: what
 * was completed once has to have a result that is whole.
 */
export class Gallery {
  readonly problems: string[] = [];
  readonly thumbnails = new Set<string>();
  readonly repository;
  /** The models that are deployed. */
  version: ModelVersion = { describe: "d1", embed: "e1" };
  isModelDown = false;
  isStoreDown = false;
  /** How often the store was down. */
  outages = 0;
  /** Whether uploads that were refused by every model so far are taken now. */
  isHealed = false;
  /** How many calls succeeded, by their idempotency key and the work that they were for. */
  readonly paid = new Map<string, number>();
  /** How many of them may have been lost, each by a kill between the result and its checkpoint. */
  readonly lost = new Map<string, number>();
  /** How often each upload was reset. */
  readonly #resets = new Map<string, number>();
  readonly #shown = new Set<string>();
  /** Uploads whose owners have put something into their metadata. */
  readonly #owned = new Set<string>();
  readonly #stubborn = new Set<string>();
  #descriptions = 0;

  constructor(history: History) {
    const uploads = history.uploads.map((kind, n) => this.#upload(kind, n));
    this.repository = memoryRepository<UploadRecord>({ uploads, batches: [{ id: "b", status: "completed" }] });
  }

  #upload(kind: History["uploads"][number], n: number): UploadRecord {
    const id = `u${n}`;
    if (kind === "stubborn") this.#stubborn.add(id);
    const base = { id, storageKey: `originals/${n}`, batchId: "b" };
    if (kind === "pending") return { ...base, status: "pending" };
    if (kind === "failed") return { ...base, status: "failed", errorCode: "DESCRIBE_FAILED", errorMessage: "no" };
    const thumbnailKey = `thumbnails/${id}.jpg`;
    this.thumbnails.add(thumbnailKey);
    this.#shown.add(id);
    this.#owned.add(id);
    const description = this.describe({ describe: "d0", embed: "e0" }, id);
    const made = { thumbnailKey, description, aiVersion: "describe=d0 embed=e0", metadata: { owner: id } };
    if (kind === "without embedding") return { ...base, ...made, status: "completed" };
    return { ...base, ...made, status: "completed", embedding: vectorOf(description, "e0") };
  }

  /** Whether every model declines it, for now. */
  isStubborn(id: string): boolean {
    return !this.isHealed && this.#stubborn.has(id);
  }

  describe({ describe }: ModelVersion, id: string): string {
    return `${describe} sees ${id} as ${++this.#descriptions}`;
  }

  noteResets(before: readonly UploadRecord[], after: readonly UploadRecord[]): void {
    const isSettled = ({ status }: UploadRecord) => status === "completed" || status === "failed";
    const settled = new Set(before.filter(isSettled).map(({ id }) => id));
    for (const upload of after) if (settled.has(upload.id) && !isSettled(upload)) count(this.#resets, upload.id);
  }

  /** A reset is new work, also under a name that was used before another redo. */
  workOn(id: string): string {
    return `reset ${this.#resets.get(id) ?? 0}`;
  }

  /** Read in the same moment: in memory, the answer is there when the promise is. */
  async look(id: string): Promise<UploadRecord | null> {
    const upload = await this.repository.findUpload(id);
    if (upload === null) this.#shown.delete(id);
    else this.#judge(upload);
    return upload;
  }

  async lookAtAll(): Promise<readonly UploadRecord[]> {
    const uploads = await this.repository.listUploads({ all: true }, { limit: 100 });
    for (const upload of uploads) this.#judge(upload);
    return uploads;
  }

  #judge(upload: UploadRecord): void {
    const { id, status, description, embedding, thumbnailKey, aiVersion, metadata } = upload;
    if (status === "completed") this.#shown.add(id);
    if (!this.#shown.has(id)) return;
    const wrong = (what: string) => this.problems.push(`${id} (${status}) ${what}: ${JSON.stringify(upload)}`);
    if (!hasResult(upload)) wrong("is shown no more");
    if (this.#owned.has(id) && metadata?.owner !== id) wrong("has lost its metadata");
    if (!description) return void wrong("has no description");
    if (!thumbnailKey || !this.thumbnails.has(thumbnailKey)) wrong("has no thumbnail");
    if (!description.startsWith(`${versionOfStage(aiVersion, "describe")} sees ${id} `))
      wrong("has the description of another");
    // What was completed without one lacks it until it has been done again.
    if (!embedding?.length) return;
    if (embedding.join() !== vectorOf(description, versionOfStage(aiVersion, "embed") ?? "").join())
      wrong("has the embedding of another description");
  }

  /** Whether a call may be made for it now: not for what is stored already, in its draft or to be kept. */
  judgeCall(stage: ModelStage, upload: UploadRecord, version: ModelVersion): void {
    const field = stage === "describe" ? "description" : "embedding";
    const { id, draft, aiVersion } = upload;
    const has = (value: unknown) => (Array.isArray(value) ? value.length > 0 : Boolean(value));
    if (has((draft ?? upload)[field])) this.problems.push(`${id}: ${stage} again, though its checkpoint is stored`);
    if (!draft || !has(upload[field])) return;
    if (draft.keeps === "all" && !(stage === "embed" && draft.description))
      this.problems.push(`${id}: ${stage} again in a retry, which keeps it`);
    const isSame = (one: ModelStage) => versionOfStage(aiVersion, one) === version[one];
    const keeps = isSame("describe") && (stage === "describe" || isSame("embed")) && !draft.description;
    if (draft.keeps === "same-version" && keeps) this.problems.push(`${id}: ${stage} again by the same version`);
  }

  judgeBill(): void {
    for (const [key, times] of this.paid)
      if (times > 1 + (this.lost.get(key) ?? 0)) this.problems.push(`${key}: paid for ${times} times`);
  }
}

/** The vector of a description: by its number, which no other has. */
export function vectorOf(description: string, version: string): number[] {
  return [Number(description.split(" ").at(-1)), Number(version.slice(1))];
}

export function count(map: Map<string, number>, key: string): void {
  map.set(key, (map.get(key) ?? 0) + 1);
}
