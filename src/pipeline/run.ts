import type { Media } from "../contracts/ai.js";
import type { UploadRecord } from "../contracts/upload.js";
import { messageOf, UploadError } from "../errors.js";
import { emitIsolated, type UploadEventName, type UploadEventPayloads } from "../events.js";
import type { Settings } from "../options.js";
import type { StageTiming, UploadResult } from "../result.js";
import type { Cancellation } from "./cancellation.js";
import type { Claim } from "./claim.js";
import { createUploadMedia, type MediaFacts, type UploadMedia } from "./media.js";
import { durationsOf, Progress } from "./progress.js";

type Fields<U extends UploadRecord, Name extends UploadEventName> = Omit<
  UploadEventPayloads<U>[Name],
  "uploadId" | "batchId" | "at"
>;

/** What the work on one claimed upload carries along: its signal, media, progress, events, warnings and timings. */
export class UploadRun<U extends UploadRecord> {
  readonly upload: U;
  readonly media: UploadMedia<U>;
  readonly progress: Progress;
  readonly warnings: UploadError[] = [];
  readonly stages: StageTiming[] = [];
  attempts = 0;
  /** Set once the original is open. */
  opened: Media<U> | undefined;
  #settled = false;

  constructor(
    readonly claim: Claim<U>,
    readonly settings: Settings<U>,
    readonly signal: Cancellation,
    /** The thumbnail that a reprocessing claim has cleared from the record. */
    readonly previousThumbnailKey: string | null,
    private readonly startedAt: number,
  ) {
    this.upload = claim.upload;
    const known = factsOf(this.upload);
    const { storage } = settings;
    this.media = createUploadMedia({
      upload: this.upload,
      storage,
      settings,
      cancellation: signal,
      ...(known && { known }),
    });
    this.progress = new Progress((step) => {
      const { fileName = null, fileSize = null } = this.upload;
      this.emit("upload:progress", () => ({ fileName, fileSize, ...step() }));
    }, durationsOf(settings.ai));
  }

  /** `fields` are made only when somebody listens. */
  emit<Name extends UploadEventName>(event: Name, fields: () => Fields<U, Name>): void {
    if (this.#settled) return;
    let payload: UploadEventPayloads<U>[Name] | undefined;
    for (const emitter of this.settings.events) {
      if (emitter.listenerCount(event) === 0) continue;
      payload ??= this.#payload(fields());
      emitIsolated(emitter, event, payload, (thrown) => this.#listenerFailed(event, thrown));
    }
  }

  #payload<Name extends UploadEventName>(fields: Fields<U, Name>): UploadEventPayloads<U>[Name] {
    const { id: uploadId, batchId = null } = this.upload;
    return { uploadId, batchId, at: Date.now(), ...fields } as unknown as UploadEventPayloads<U>[Name];
  }

  /** Something went wrong that does not stop the upload. */
  warn(error: UploadError): void {
    this.warnings.push(error);
    this.settings.logger.warn({ uploadId: this.upload.id, stage: error.stage, error }, error.message);
    this.emit("upload:warning", () => ({ stage: error.stage, error }));
  }

  /** The one event that ends the upload: nothing of it is emitted afterwards. */
  settled(result: UploadResult<U>): void {
    this.emit("upload:settled", () => ({ result, ...result }) as unknown as Fields<U, "upload:settled">);
    this.#settled = true;
  }

  /** What every result tells, whatever became of the upload. */
  summary(): Pick<UploadResult<U>, "uploadId" | "attempts" | "durationMs" | "warnings" | "stages"> {
    const { attempts, warnings, stages } = this;
    return { uploadId: this.upload.id, attempts, durationMs: performance.now() - this.startedAt, warnings, stages };
  }

  #listenerFailed(event: UploadEventName, thrown: unknown): void {
    const error = new UploadError(`A listener of ${event} failed: ${messageOf(thrown)}`, {
      code: "LISTENER_FAILED",
      cause: thrown,
    });
    // A warning about the warning would go round for ever, and nothing of an upload comes after it has settled.
    if (event === "upload:warning" || event === "upload:settled" || this.#settled)
      this.settings.logger.warn({ uploadId: this.upload.id, error }, error.message);
    else this.warn(error);
  }
}

function factsOf(upload: UploadRecord): MediaFacts | undefined {
  const media = upload.metadata?.media;
  if (typeof media !== "object" || media === null || !("mimeType" in media) || !("kind" in media)) return undefined;
  return typeof media.mimeType === "string" && (media.kind === "image" || media.kind === "video")
    ? (media as MediaFacts)
    : undefined;
}
