import type { Cancellation, Stoppable } from "../async/cancellation.js";
import type { Media, MediaFacts } from "../contracts/ai.js";
import type { StorageAdapter } from "../contracts/storage.js";
import type { UploadRecord } from "../contracts/upload.js";
import type { UploadError } from "../errors.js";
import type { PicturesMade, PicturesWanted } from "../media/pictures.js";
import type { VisionAhead } from "../runtime/vision-ahead.js";
import type { Settings } from "./settings.js";

/** The media of one upload, as the pipeline sees it; adapters see the {@link Media} that `prepare` gives. */
export interface UploadMedia<U extends UploadRecord> {
  /**
   * Opens the original unless it was open before, and judges it. The outcome is kept, but for failures that may pass:
   * the next attempt opens again. With facts known from an earlier start nothing is opened before it is needed.
   *
   * @throws UploadError `MISSING_ORIGINAL`, `STORAGE_FAILED`, `INVALID_MEDIA`, `UNSUPPORTED_MEDIA`, `MEDIA_TOO_LARGE`
   */
  prepare(cancellation: Cancellation): Promise<Media<U>>;
  /**
   * Thumbnail, renditions and placeholder of one decoding; with them the vision image, where the model is expected to ask for it.
   * The caller holds a decode slot.
   */
  pictures(wanted: Pick<PicturesWanted, "pictures" | "placeholder">, cancellation: Cancellation): Promise<PicturesMade>;
  /** Told when the description is there: what was made for the model and not asked for is let go of. */
  described(): void;
  /** Whether something is to be stored that was not measured yet. */
  readonly canMeasure: boolean;
  /** Measures it. */
  measure(cancellation: Cancellation): Promise<void>;
  /** Adds what was made to the facts. */
  record(facts: MediaFacts): void;
  /** What has been measured so far; `null` before `prepare`. */
  facts(): MediaFacts | null;
  /**
   * Removes temporary files and lets the storage release the original, also one that it opens later on; afterwards
   * every method rejects. Never rejects itself: what goes wrong is logged.
   */
  release(): Promise<void> | undefined;
}

export interface UploadMediaOptions<U extends UploadRecord> {
  /**
   * The record as it stands now, with what earlier stages made: a fresh copy at each call, because adapters get it as
   * `media.upload` and may change it.
   */
  readonly record: () => U;
  /** Where the original is. Read once, when the media is created: nothing that an adapter does redirects it. */
  readonly storageKey: string;
  /** Measured by an earlier start; has `mimeType` and `kind` at least. */
  readonly known?: MediaFacts | undefined;
  readonly storage: StorageAdapter;
  readonly settings: Pick<Settings<U>, "input" | "vision" | "facts" | "decoders" | "timeouts" | "logger">;
  /** Runs the task in a decode slot. Rejects with `Interrupted` when the signal is aborted during the wait for one. */
  readonly decode: <T>(signal: Stoppable, task: () => Promise<T>) => Promise<T>;
  /** Whether a model is going to describe it. */
  readonly isToBeDescribed?: (() => boolean) | undefined;
  readonly visionAhead?: VisionAhead | undefined;
  /** The pictures that are still to be made: with the vision image, where that is asked for before them. `null`: none. */
  readonly picturesToCome?: (() => Pick<PicturesWanted, "pictures" | "placeholder"> | null) | undefined;
  /**
   * Told when the first of `visionImage`, `frames` and `facts` begins to wait for a decode slot (`true`), and when no one waits any
   * more (`false`), always in pairs: the wait is not the adapter's, so the clock of its stage stands still. What is made is
   * shared by all attempts, so a wait that began in one attempt may end in the next.
   */
  readonly onDecodeWait?: ((waiting: boolean) => void) | undefined;
  /** Told once when the original is shown although a part of it is missing. */
  readonly onDamage?: ((warning: UploadError) => void) | undefined;
  /** Of the whole run. */
  readonly cancellation: Cancellation;
}
