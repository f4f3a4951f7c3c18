import type { Cancellation, Stoppable } from "../async/cancellation.js";
import type { Media } from "../contracts/ai.js";
import type { StageName, UploadRecord } from "../contracts/upload.js";
import { messageOf, UploadError } from "../errors.js";
import { emitIsolated } from "../event-emitter.js";
import type { UploadEventName, UploadEventPayloads } from "../events.js";
import type { PicturesWanted } from "../media/pictures.js";
import type { StageTiming, UploadResult } from "../result.js";
import type { Breaker } from "../runtime/breaker.js";
import { UsageSum } from "../runtime/ledger.js";
import type { Claim } from "./claim.js";
import { copyRecord } from "./copy-record.js";
import { knownFacts } from "./known-facts.js";
import { createUploadMedia } from "./media.js";
import { hasPictures, picturesOf } from "./pictures-wanted.js";
import { type bandsOf, Progress, type ProgressReport } from "./progress.js";
import type { Settings } from "./settings.js";
import type { UploadMedia } from "./upload-media.js";

type Fields<U extends UploadRecord, Name extends UploadEventName> = Omit<
  UploadEventPayloads<U>[Name],
  "type" | "uploadId" | "batchId" | "at"
>;

type Summary<U extends UploadRecord> = Pick<
  UploadResult<U>,
  "uploadId" | "attempts" | "durationMs" | "warnings" | "stages" | "usage"
>;

/** What the work on one claimed upload carries along: its signal, media, progress, events, warnings, timings and usage. */
export class UploadRun<U extends UploadRecord> {
  readonly id: string;
  readonly batchId: string | null;
  readonly storageKey: string;
  readonly media: UploadMedia<U>;
  readonly progress: Progress;
  readonly stages: StageTiming[] = [];
  /** Of every call for this upload. */
  readonly used = new UsageSum();
  /** Of what was called last; of several calls where texts that were sent together were sent again in parts. */
  lastUsage: UsageSum | undefined;
  /** Stages that are tried once in a claim, and were. */
  tried: Set<StageName> | undefined;
  /** How many answers of a stage were received and not accepted. */
  refusedAnswers: Map<StageName, number> | undefined;
  attempts = 0;
  /** Which model of a chain has failed last, by its place. */
  failedModel = 0;
  /** The breakers of the models of a chain that were not asked, where none is asked just now. */
  refusedBy: readonly Breaker[] | undefined;
  /** When each service has first failed it in this visit, by the count of events of its breaker. */
  failedSince: Map<Breaker, number> | undefined;
  /** Whether the last failure was that of a call for several uploads: it does not tell which of them is at fault. */
  failedTogether = false;
  /** Set once the original is open. */
  opened: Media<U> | undefined;
  /** A call under a budget that has no price: what it made is stored, and then the work ends with this. */
  unpriced: UploadError | undefined;
  /** Whether the vision image waits for a decoder: it is made for all attempts, and may still wait when the next one begins. */
  isWaiting = false;
  /** Of the call that is under way: stopped while that waits for a decoder. */
  clock: { stopClock(): void; startClock(): void } | undefined;
  #warnings: UploadError[] | undefined;
  #settled = false;

  constructor(
    readonly claim: Claim<U>,
    readonly settings: Settings<U>,
    readonly signal: Cancellation,
    bands: ReturnType<typeof bandsOf>,
    private readonly startedAt: number,
  ) {
    const { row } = claim;
    const { storage, runtime } = settings;
    this.id = row.id;
    this.batchId = row.batchId ?? null;
    this.storageKey = row.storageKey;
    this.refusedAnswers = settings.memory.refusedAnswers.get(row.id);
    this.media = createUploadMedia<U>({
      record: () => this.record(),
      storageKey: this.storageKey,
      storage,
      settings,
      decode: (stoppable, task) => this.decode(stoppable, task),
      onDecodeWait: (waiting) => {
        this.isWaiting = waiting;
        if (waiting) this.clock?.stopClock();
        else this.clock?.startClock();
      },
      onDamage: (warning) => this.warn(warning),
      cancellation: signal,
      known: knownFacts(claim, settings),
      isToBeDescribed: () => claim.description === undefined,
      visionAhead: runtime.visionAhead,
      picturesToCome: () => this.#picturesToCome(),
    });
    const tell = (report: ProgressReport) => this.#tellProgress(report);
    this.progress = new Progress(tell, bands, runtime.durations, runtime.ticker);
  }

  /**
   * The record as it stands now, for adapters, listeners and callbacks: a new copy for each, so that what one of them does with
   * it reaches nobody else. One that was shared let a listener name the thumbnail of another upload.
   */
  record(): U {
    return copyRecord(this.claim.view);
  }

  /** Runs the task in a slot for decoding the original. @throws Interrupted when the signal is aborted before */
  decode<T>(stoppable: Stoppable, task: () => Promise<T>): Promise<T> {
    const { decoders, runtime } = this.settings;
    const decoder = decoders.get(this.media.facts()?.mimeType ?? "")?.decoder;
    return runtime.decoding.run(decoder, stoppable, task);
  }

  isTried(stage: StageName): boolean {
    return this.tried?.has(stage) === true;
  }

  /** `fields` are made only when somebody listens. */
  emit<Name extends UploadEventName>(event: Name, fields: () => Fields<U, Name>): void {
    if (this.#settled) return;
    let payload: UploadEventPayloads<U>[Name] | undefined;
    for (const emitter of this.settings.events) {
      if (emitter.listenerCount(event) === 0) continue;
      payload ??= this.#payload(event, fields());
      emitIsolated(emitter, event, payload, (thrown) => this.#listenerFailed(event, thrown));
    }
  }

  /** Most uploads have no listener, and eight steps: nothing is made for them. */
  #tellProgress(report: ProgressReport): void {
    if (!this.settings.events.some((emitter) => emitter.listenerCount("upload:progress") > 0)) return;
    const { fileName = null, fileSize = null } = this.claim.row;
    this.emit("upload:progress", () => ({ fileName, fileSize, ...this.progress.step(report) }));
  }

  #picturesToCome(): Pick<PicturesWanted, "pictures" | "placeholder"> | null {
    const { thumbnail, renditions, placeholder } = this.settings;
    if (this.isTried("thumbnail") || hasPictures(picturesOf(this.claim), this.settings)) return null;
    const pictures = [...(thumbnail === false ? [] : [thumbnail]), ...renditions.values()];
    return { pictures, placeholder: placeholder !== undefined };
  }

  #payload<Name extends UploadEventName>(type: Name, fields: Fields<U, Name>): UploadEventPayloads<U>[Name] {
    const { id: uploadId, batchId } = this;
    return { type, uploadId, batchId, at: Date.now(), ...fields } as unknown as UploadEventPayloads<U>[Name];
  }

  /** Something went wrong that does not stop the upload. */
  warn(error: UploadError): void {
    this.#warnings ??= [];
    if (!this.#settled) this.#warnings.push(error);
    this.settings.logger.warn({ uploadId: this.id, stage: error.stage, error }, error.message);
    this.emit("upload:warning", () => ({ stage: error.stage, error }));
  }

  /** Books a call on every ledger that there is: the upload's, the run's and the runtime's. */
  book(stage: StageName, usage: UsageSum): void {
    const { run, runtime } = this.settings;
    this.used.add(usage);
    if (this.lastUsage === undefined) this.lastUsage = usage;
    else {
      const both = new UsageSum();
      both.add(this.lastUsage);
      both.add(usage);
      this.lastUsage = both;
    }
    run?.ledger.book(stage, usage);
    runtime.ledger.book(stage, usage);
  }

  /** The one event that ends the upload: nothing of it is emitted afterwards. */
  settled(result: UploadResult<U>): void {
    this.emit("upload:settled", () => {
      const told = result.status === "completed" ? Object.assign({}, result, { upload: this.record() }) : result;
      return told as unknown as Fields<U, "upload:settled">;
    });
    this.#settled = true;
  }

  /** What every result tells, whatever became of the upload. What is inside is frozen: listeners and the caller share it. */
  summary(): Summary<U> {
    return {
      uploadId: this.id,
      attempts: this.attempts,
      durationMs: performance.now() - this.startedAt,
      warnings: Object.freeze(this.#warnings?.slice() ?? []),
      stages: Object.freeze(this.stages.slice()),
      usage: this.used.toUsage(),
    };
  }

  #listenerFailed(event: UploadEventName, thrown: unknown): void {
    const error = new UploadError(`A listener of ${event} failed: ${messageOf(thrown)}`, {
      code: "LISTENER_FAILED",
      cause: thrown,
    });
    // A warning about the warning would go round for ever, and nothing of an upload comes after it has settled.
    if (event === "upload:warning" || event === "upload:settled" || this.#settled)
      this.settings.logger.warn({ uploadId: this.id, error }, error.message);
    else this.warn(error);
  }
}
