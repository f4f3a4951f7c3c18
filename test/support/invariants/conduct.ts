import type {
  BatchProcessor,
  BatchResult,
  UploadChanges,
  UploadRecord,
  UploadResult,
  UploadStatus,
} from "../../../src/index.js";
import type { Store } from "./store.js";
import { VERSION } from "./worker.js";

/** What a worker knows of the claim that it works under. */
interface Held {
  /** `undefined` where the repository knows no claims. */
  readonly fence: number | undefined;
  readonly calls: { describe: number; embed: number };
  described: boolean;
  embedded: boolean;
  lost: boolean;
  /** What the last acknowledged write that ended the claim said. */
  final: UploadStatus | "kept" | undefined;
}

/** Watches one worker: which calls it makes under what claim, what it is told, and what it reports. */
export class Conduct {
  readonly #held = new Map<string, Held>();
  readonly #open = new Set<string>();
  readonly #progress = new Map<string, number>();
  /** Uploads that two runs of this worker were at: one of them had lost its claim. Their events are mixed. */
  readonly #mixed = new Set<string>();
  readonly #settled = { completed: new Set<string>(), failed: new Set<string>() };
  /** Uploads that the worker was told to abort, or could not store: it need not take them up again. */
  readonly aborted = new Set<string>();
  #expected = 0;

  constructor(
    private readonly store: Store,
    private readonly maxAttempts: number,
    /** Whether anybody does again what is settled: then it may be counted again, too. */
    private readonly repeats: boolean,
    readonly report: (problem: string) => void,
  ) {}

  claimed(upload: UploadRecord, fence: number | undefined): void {
    const held = this.#held.get(upload.id);
    // The answer to the same claim, given once more.
    if (held !== undefined && fence !== undefined && held.fence === fence && held.final === undefined) return;
    this.#held.set(upload.id, {
      fence,
      calls: { describe: 0, embed: 0 },
      lost: false,
      final: undefined,
      ...madeOf(upload),
    });
  }

  acknowledged(id: string, changes: UploadChanges, fence: number | undefined, outcome: string): void {
    const held = this.#held.get(id);
    if (held === undefined || held.fence !== fence) return;
    if (outcome !== "saved") held.lost = true;
    if (outcome !== "saved" && outcome !== "cancelled") return;
    if (changes.description || changes.draft?.description) held.described = true;
    if (changes.embedding || changes.draft?.embedding) held.embedded = true;
    if (changes.status === "completed") held.final = changes.errorCode ? "kept" : "completed";
    else if (changes.status === "failed" || changes.status === "pending") held.final = changes.status;
  }

  /** A paid call is being made. */
  calls(stage: "describe" | "embed", id: string): void {
    const held = this.#held.get(id);
    if (this.#mixed.has(id)) return;
    if (held === undefined) {
      this.report(`${id}: ${stage} without a claim`);
      return;
    }
    if (++held.calls[stage] > this.maxAttempts) this.report(`${id}: too many calls of ${stage}`);
    if (held.lost) this.report(`${id}: ${stage} after the claim was lost`);
    if (held.final !== undefined) this.report(`${id}: ${stage} after it was ${held.final}`);
    if (held.described && stage === "describe") this.report(`${id}: described again`);
    if (held.embedded) this.report(`${id}: ${stage} again after the embedding`);
  }

  watch(processor: BatchProcessor<UploadRecord>): void {
    processor.on("batch:started", ({ counts }) => {
      this.#expected = Object.values(counts ?? {}).reduce((sum, count) => sum + count, 0);
    });
    processor.on("upload:started", ({ uploadId }) => {
      if (this.#open.has(uploadId) && this.repeats) this.#mixed.add(uploadId);
      else if (this.#open.has(uploadId)) this.report(`${uploadId}: started twice at once`);
      this.#open.add(uploadId);
      this.#progress.set(uploadId, -1);
    });
    processor.on("upload:progress", ({ uploadId, progress }) => {
      if (this.#mixed.has(uploadId)) return;
      if (!this.#open.has(uploadId)) this.report(`${uploadId}: progress outside of its start and end`);
      if (progress < (this.#progress.get(uploadId) ?? -1)) this.report(`${uploadId}: progress ran backwards`);
      this.#progress.set(uploadId, progress);
    });
    for (const event of ["upload:retry", "upload:warning"] as const)
      processor.on(event, ({ uploadId }) => {
        if (!this.#open.has(uploadId) && !this.#mixed.has(uploadId))
          this.report(`${uploadId}: ${event} outside of its start and end`);
      });
    processor.on("upload:settled", (result) => this.#hasSettled(result));
    processor.on("batch:settled", () => {
      if (this.#open.size > 0 && !this.repeats) this.report(`settled with ${[...this.#open]} in work`);
    });
  }

  #hasSettled(result: UploadResult): void {
    const { uploadId: id, status } = result;
    if (status === "aborted") this.aborted.add(id);
    if (!this.#open.delete(id) && !this.#mixed.has(id)) this.report(`${id}: settled without a start`);
    if (this.#mixed.has(id)) return;
    const progress = this.#progress.get(id);
    const final = this.#held.get(id)?.final;
    if ((status === "completed") !== (progress === 100)) this.report(`${id}: ${status} at ${progress} %`);
    const told = status === "failed" && result.kept ? "kept" : status;
    for (const outcome of ["completed", "failed", "kept"] as const)
      if ((told === outcome) !== (final === outcome))
        this.report(`${id}: reported as ${told}, acknowledged as ${final}`);
    for (const reported of ["completed", "failed"] as const) {
      if (status !== reported) continue;
      if (this.#settled[reported].has(id) && !this.repeats) this.report(`${id}: ${reported} twice by one run`);
      this.#settled[reported].add(id);
    }
  }

  async check(result: BatchResult): Promise<void> {
    const { completed, failed, skipped, deleted, aborted, deferred } = result;
    for (const [status, count] of Object.entries({ completed, failed })) {
      const ids = this.#settled[status as "completed" | "failed"];
      if (ids.size !== count && !this.repeats) this.report(`${count} are said to be ${status}, and ${ids.size} were`);
    }
    const reached = completed + failed + skipped + deleted + aborted + deferred;
    const known = Math.max(this.#expected, this.store.uploads);
    if (reached > known && !this.repeats) this.report(`${reached} outcomes of ${known} uploads`);
    // Who does again what is settled may begin right after the count that found nothing open.
    if (result.status !== "completed" || this.repeats) return;
    // One that was stopped before it began says what is stored: who completed the batch may have aborted an upload.
    if (reached === 0) return;
    for (const { id, status } of await this.store.repository.listUploads({ batchId: "b" }, { limit: 100 }))
      if (status !== "completed" && status !== "failed" && !this.aborted.has(id) && !this.store.added.has(id))
        this.report(`completed the batch while ${id} is ${status}`);
  }
}

/** What of an upload need not be made any more: of a redo, what it has made, and what it may take from the row. */
function madeOf(upload: UploadRecord): Pick<Held, "described" | "embedded"> {
  const { draft, aiVersion } = upload;
  const has = ({ description, embedding }: Pick<UploadRecord, "description" | "embedding">) => {
    return { described: Boolean(description), embedded: Boolean(embedding?.length) };
  };
  if (!draft) return has(upload);
  const made = has(draft);
  const takesAll = draft.keeps === "all" || (draft.keeps === "same-version" && aiVersion === VERSION);
  if (!takesAll) return made;
  const kept = has(upload);
  const embedded = made.embedded || (kept.embedded && (draft.keeps === "all" || !made.described));
  return { described: made.described || kept.described, embedded };
}
