import type { Cancellation, Stoppable } from "../async/cancellation.js";
import { Interrupted } from "../async/time.js";
import type { Media, MediaFacts, VisionImage } from "../contracts/ai.js";
import type { StorageAdapter } from "../contracts/storage.js";
import type { UploadRecord } from "../contracts/upload.js";
import { UploadError } from "../errors.js";
import { admitType, kindOf } from "../media/admission.js";
import type { DecodeLimits, ImageSource } from "../media/decode-image.js";
import { handled } from "../media/handled.js";
import { memoizeAsync } from "../media/memoize-async.js";
import type { Original } from "../media/original.js";
import { makeThumbnail, type Thumbnail, type ThumbnailSettings } from "../media/thumbnail.js";
import { makeVisionImage } from "../media/vision-image.js";
import { MediaSource, openError } from "./media-source.js";
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
  /** The caller holds a decode slot. */
  thumbnail(options: Omit<ThumbnailSettings, keyof DecodeLimits>, cancellation: Cancellation): Promise<Thumbnail>;
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
  readonly settings: Pick<Settings<U>, "input" | "vision" | "logger">;
  /** Runs the task in a decode slot. Rejects with `Interrupted` when the signal is aborted during the wait for one. */
  readonly decode: <T>(signal: Stoppable, task: () => Promise<T>) => Promise<T>;
  /**
   * Told when `visionImage` begins to wait for its decode slot (`true`) and when the wait ends (`false`), always in
   * pairs: the wait is not the adapter's, so the clock of its stage stands still. The image is shared by all attempts,
   * so a wait that began in one attempt may end in the next.
   */
  readonly onDecodeWait?: ((waiting: boolean) => void) | undefined;
  /** Told once when the original is shown although a part of it is missing. */
  readonly onDamage?: ((warning: UploadError) => void) | undefined;
  /** Of the whole run. */
  readonly cancellation: Cancellation;
}

/**
 * What adapters read as `media.upload`. One accessor for all of them: V8 (Node 20) makes a hidden class for every accessor, which
 * keeps what hangs on it until the next full collection.
 */
class WithRecord<U extends UploadRecord> {
  static readonly #property = {
    enumerable: true,
    get(this: WithRecord<UploadRecord>): UploadRecord {
      return this.#record();
    },
  };
  readonly #record: () => U;
  declare readonly upload: U;

  constructor(record: () => U) {
    this.#record = record;
    Object.defineProperty(this, "upload", WithRecord.#property);
  }
}

export function createUploadMedia<U extends UploadRecord>(options: UploadMediaOptions<U>): UploadMedia<U> {
  return new LazyMedia(options);
}

class LazyMedia<U extends UploadRecord> implements UploadMedia<U> {
  readonly #options: UploadMediaOptions<U>;
  readonly #source: MediaSource;
  readonly #visionImage = memoizeAsync(() => this.#makeVisionImage());
  readonly #limits: DecodeLimits;
  #media: Media<U> | undefined;
  #isDamaged = false;

  constructor(options: UploadMediaOptions<U>) {
    const { record, storage, storageKey, settings, known } = options;
    this.#options = options;
    const { limitInputPixels, tolerance } = settings.input;
    this.#limits = { limitInputPixels, tolerance, onDamage: (warning) => this.#tellDamage(warning) };
    this.#source = new MediaSource({
      storage,
      storageKey,
      limits: settings.input,
      known,
      warn: (message, error) => settings.logger.warn({ uploadId: record().id, error }, message),
    });
  }

  async prepare(cancellation: Cancellation): Promise<Media<U>> {
    this.#source.throwIfClosed();
    const { known, settings } = this.#options;
    if (known?.mimeType === undefined) await this.#source.open(cancellation);
    else admitType(known.mimeType, settings.input.allow);
    if (this.#source.facts === undefined && known !== undefined) this.#source.addFacts(known);
    this.#media ??= this.#createMedia();
    return this.#media;
  }

  async thumbnail(
    settings: Omit<ThumbnailSettings, keyof DecodeLimits>,
    cancellation: Cancellation,
  ): Promise<Thumbnail> {
    const original = await this.#source.current(cancellation);
    if (cancellation.aborted) throw cancellation.reason;
    return this.#decode(original, (source) => makeThumbnail(source, { ...settings, ...this.#limits }));
  }

  facts(): MediaFacts | null {
    return this.#source.facts ?? null;
  }

  release(): Promise<void> | undefined {
    return this.#source.close();
  }

  /** Functions, not methods: adapters take them apart. */
  #createMedia(): Media<U> {
    const { record, cancellation } = this.#options;
    const { mimeType = "", kind = kindOf(mimeType) } = this.#source.facts ?? {};
    const visionImage = () => handled(this.#openAndMakeVisionImage());
    return Object.assign(new WithRecord(record), {
      kind,
      mimeType,
      path: () => handled(this.#read((original) => original.path(cancellation.signal))),
      bytes: () => handled(this.#read((original) => original.bytes(cancellation.signal))),
      stream: () => handled(this.#read((original) => original.stream())),
      visionImage,
      frames: () => handled(visionImage().then((image) => [{ ...image, timeSeconds: 0 }])),
      facts: () => handled(this.#measured()),
    });
  }

  /**
   * A copy. Facts of an earlier start were measured on an original that was opened then, so they do not need it now.
   */
  async #measured(): Promise<MediaFacts> {
    if (this.#source.facts === undefined) await this.#source.open(this.#options.cancellation);
    this.#source.throwIfClosed();
    return { ...this.#source.facts };
  }

  async #read<T>(work: (original: Original) => T | Promise<T>): Promise<T> {
    const original = await this.#source.current(this.#options.cancellation);
    this.#source.throwIfClosed();
    try {
      return await work(original);
    } catch (error) {
      throw openError(error);
    }
  }

  /**
   * The original is opened before there is a wait for a slot: opening takes none, and belongs to the time of the stage.
   */
  async #openAndMakeVisionImage(): Promise<VisionImage> {
    await this.#source.open(this.#options.cancellation);
    return this.#visionImage();
  }

  async #makeVisionImage(): Promise<VisionImage> {
    const { decode, onDecodeWait, cancellation } = this.#options;
    let waiting = true;
    const endWait = () => {
      if (waiting) onDecodeWait?.(false);
      waiting = false;
    };
    onDecodeWait?.(true);
    try {
      return await decode(cancellation, () => {
        endWait();
        return this.#decodeVisionImage();
      });
    } catch (error) {
      // An adapter knows the reason of the abort; `Interrupted` is for use inside.
      throw error instanceof Interrupted ? cancellation.reason : error;
    } finally {
      endWait();
    }
  }

  async #decodeVisionImage(): Promise<VisionImage> {
    const { settings, cancellation } = this.#options;
    const original = await this.#source.current(cancellation);
    const { image, originalSize } = await this.#decode(original, (source) =>
      makeVisionImage(source, { ...settings.vision, ...this.#limits }),
    );
    this.#source.addFacts(originalSize);
    return image;
  }

  /** Every picture that is made of it would tell it again. */
  #tellDamage(warning: UploadError): void {
    if (!this.#isDamaged) this.#options.onDamage?.(warning);
    this.#isDamaged = true;
  }

  async #decode<T>(original: Original, decoder: (source: ImageSource) => Promise<T>): Promise<T> {
    const { mimeType = "", kind = kindOf(mimeType) } = this.#source.facts ?? {};
    if (kind === "video") {
      const message = `${mimeType}: a video needs a decoder, and none is installed`;
      throw new UploadError(message, { code: "UNSUPPORTED_MEDIA" });
    }
    return this.#source.whileReading(() => decoder({ input: original.content, mimeType }));
  }
}
