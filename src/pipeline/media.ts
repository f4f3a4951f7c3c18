import type { Media, VisionImage } from "../contracts/ai.js";
import type { StorageAdapter } from "../contracts/storage.js";
import type { UploadRecord } from "../contracts/upload.js";
import { ConfigurationError, classifyError, UploadError } from "../errors.js";
import { admitType } from "../media/admission.js";
import { once } from "../media/once.js";
import { Original } from "../media/original.js";
import type { ImageSource } from "../media/sharp.js";
import { makeThumbnail, type Thumbnail, type ThumbnailSettings } from "../media/thumbnail.js";
import { makeVisionImage } from "../media/vision-image.js";
import type { Settings } from "../options.js";
import { type Cancellation, WithSignal } from "./cancellation.js";
import { Interrupted, withTimeout } from "./time.js";

/** What was measured of an original; stored in the record's `metadata.media`. */
export interface MediaFacts {
  /** Sniffed from the content. */
  readonly mimeType: string;
  readonly kind: "image" | "video";
  readonly bytes?: number;
  /** Of the upright image, in pixels; known when a vision image was made. */
  readonly width?: number;
  /** Of the upright image, in pixels; known when a vision image was made. */
  readonly height?: number;
}

/** The media of one upload, as the pipeline sees it; adapters see the {@link Media} that `prepare` gives. */
export interface UploadMedia<U extends UploadRecord> {
  /**
   * Opens the original unless it was open before, and judges it. The outcome is kept, but for failures that may pass: the
   * next attempt opens again. With facts known from an earlier start nothing is opened before it is needed.
   *
   * @throws UploadError `MISSING_ORIGINAL`, `STORAGE_FAILED`, `INVALID_MEDIA`, `UNSUPPORTED_MEDIA`, `MEDIA_TOO_LARGE`
   */
  prepare(cancellation: Cancellation): Promise<Media<U>>;
  /** The caller holds the slot of the `thumbnail` limit. */
  thumbnail(options: Omit<ThumbnailSettings, "limitInputPixels">, cancellation: Cancellation): Promise<Thumbnail>;
  /** What has been measured so far; `null` before `prepare`. */
  facts(): MediaFacts | null;
  /**
   * Removes temporary files and lets the storage release the original, also one that it opens later on; afterwards every
   * method rejects. Never rejects itself: what goes wrong is logged.
   */
  release(): Promise<void> | undefined;
}

export interface UploadMediaOptions<U extends UploadRecord> {
  readonly upload: U;
  /** Measured by an earlier start. */
  readonly known?: MediaFacts;
  readonly storage: StorageAdapter;
  readonly settings: Pick<Settings<U>, "input" | "vision" | "limits" | "logger">;
  /** Of the whole run. */
  readonly cancellation: Cancellation;
}

export function createUploadMedia<U extends UploadRecord>(options: UploadMediaOptions<U>): UploadMedia<U> {
  return new LazyMedia(options);
}

/** How long `release` waits for a decoder and for the storage, in milliseconds: neither can be interrupted. */
const RELEASE_GRACE_MS = 5000;

class LazyMedia<U extends UploadRecord> implements UploadMedia<U> {
  readonly #options: UploadMediaOptions<U>;
  #media: Media<U> | undefined;
  #facts: MediaFacts | null = null;
  #original: Original | undefined;
  /** Those that were replaced meanwhile. An adapter may still read from them. */
  #outdated: Original[] | undefined;
  #released = false;
  #closing: Promise<void> | undefined;
  #decoding: Set<Promise<unknown>> | undefined;
  #open = this.#opening();
  readonly #visionImage = once((original: Original) => this.#makeVisionImage(original));

  constructor(options: UploadMediaOptions<U>) {
    this.#options = options;
  }

  async prepare(cancellation: Cancellation): Promise<Media<U>> {
    this.#throwIfReleased();
    const { known, settings } = this.#options;
    if (known === undefined) await this.#opened(cancellation);
    else admitType(known.mimeType, settings.input.allow);
    this.#facts ??= known ?? null;
    this.#media ??= this.#createMedia(this.#facts as MediaFacts);
    return this.#media;
  }

  async thumbnail(
    settings: Omit<ThumbnailSettings, "limitInputPixels">,
    cancellation: Cancellation,
  ): Promise<Thumbnail> {
    const original = await this.#opened(cancellation);
    if (cancellation.aborted) throw cancellation.reason;
    const { limitInputPixels } = this.#options.settings.input;
    const current = await this.#current(original, cancellation);
    return this.#decode(current, (source) => makeThumbnail(source, { ...settings, limitInputPixels }));
  }

  facts(): MediaFacts | null {
    return this.#facts;
  }

  release(): Promise<void> | undefined {
    if (this.#released) return this.#closing;
    this.#released = true;
    if (this.#decoding?.size || this.#original?.isHeld || this.#outdated) this.#closing = this.#close();
    return this.#closing;
  }

  /** Functions, not methods: adapters take them apart. */
  #createMedia({ kind, mimeType }: MediaFacts): Media<U> {
    const { upload, cancellation } = this.#options;
    const visionImage = async () => this.#visionImage(await this.#opened(cancellation));
    return {
      upload,
      kind,
      mimeType,
      path: () => this.#read((original) => original.path(cancellation.signal)),
      bytes: () => this.#read((original) => original.bytes(cancellation.signal)),
      stream: () => this.#read((original) => original.stream()),
      visionImage,
      frames: async () => [{ ...(await visionImage()), timeSeconds: 0 }],
    };
  }

  async #opened(cancellation: Cancellation): Promise<Original> {
    this.#throwIfReleased();
    const original = await this.#open(cancellation);
    this.#throwIfReleased();
    return original;
  }

  #opening() {
    return once((cancellation: Cancellation) => this.#openOriginal(cancellation));
  }

  /** The original as it is now: when its file is not the one that was admitted, the storage opens it again, and it is judged again. */
  async #current(original: Original, cancellation: Cancellation): Promise<Original> {
    const unchanged = await original.isUnchanged();
    this.#throwIfReleased();
    if (unchanged) return original;
    if (this.#original === original) {
      this.#outdated ??= [];
      this.#outdated.push(original);
      this.#original = undefined;
      this.#open = this.#opening();
    }
    return this.#opened(cancellation);
  }

  async #openOriginal(cancellation: Cancellation): Promise<Original> {
    const { storage, upload, settings, known } = this.#options;
    try {
      const opened = await storage.open(upload.storageKey, new WithSignal(cancellation));
      if (opened === null) throw missingOriginal(upload.storageKey);
      const original = new Original(opened);
      this.#original = original;
      this.#throwIfReleased();
      const { mimeType, size } = await original.admit(settings.input, cancellation);
      this.#facts = { ...known, mimeType, kind: kindOf(mimeType), bytes: size };
      return original;
    } catch (error) {
      await this.#closeOriginal();
      throw openError(error);
    }
  }

  async #read<T>(work: (original: Original) => T | Promise<T>): Promise<T> {
    const { cancellation } = this.#options;
    const original = await this.#current(await this.#opened(cancellation), cancellation);
    try {
      return await work(original);
    } catch (error) {
      throw openError(error);
    }
  }

  async #makeVisionImage(original: Original): Promise<VisionImage> {
    const { settings, cancellation } = this.#options;
    const { limitInputPixels } = settings.input;
    try {
      return await settings.limits.run("thumbnail", cancellation, async () => {
        const current = await this.#current(original, cancellation);
        const { image, originalSize } = await this.#decode(current, (source) =>
          makeVisionImage(source, { ...settings.vision, limitInputPixels }),
        );
        this.#facts = { ...(this.#facts as MediaFacts), ...originalSize };
        return image;
      });
    } catch (error) {
      throw error instanceof Interrupted ? cancellation.reason : error; // an adapter knows the reason, not our word for it
    }
  }

  async #decode<T>(original: Original, decoder: (source: ImageSource) => Promise<T>): Promise<T> {
    // The upload may have settled during the wait for a slot, if its adapter did not await what it started.
    this.#throwIfReleased();
    const { mimeType, kind } = this.#facts as MediaFacts;
    if (kind === "video") {
      throw new UploadError(`${mimeType}: a video needs a decoder, and none is installed`, {
        code: "UNSUPPORTED_MEDIA",
      });
    }
    const decoding = decoder({ input: original.content, mimeType });
    this.#decoding ??= new Set();
    this.#decoding.add(decoding);
    try {
      return await decoding;
    } finally {
      this.#decoding.delete(decoding);
    }
  }

  async #close(): Promise<void> {
    if (this.#decoding?.size) await this.#bounded("A decoder", Promise.allSettled(this.#decoding));
    for (const original of this.#outdated ?? []) await this.#closeOriginal(original);
    await this.#closeOriginal();
  }

  async #closeOriginal(original = this.#original): Promise<void> {
    if (original?.isHeld) await this.#bounded("Closing the original", original.close());
  }

  /** Cleaning up must neither hide what came of the upload nor hold it up. */
  async #bounded(what: string, work: Promise<unknown>): Promise<void> {
    const { upload, settings } = this.#options;
    const tooLong = () => new Error(`took longer than ${RELEASE_GRACE_MS} ms`);
    try {
      await withTimeout(work, RELEASE_GRACE_MS, tooLong);
    } catch (error) {
      // An UploadError's message is fit for the line of a log; what an adapter threw need not be.
      settings.logger.warn({ uploadId: upload.id, error }, `${what} failed: ${openError(error).message}`);
    }
  }

  #throwIfReleased(): void {
    if (!this.#released) return;
    const message = "The media was used after its upload had settled: an adapter has to await what it starts";
    throw new ConfigurationError(message);
  }
}

const kindOf = (mimeType: string) => (mimeType.startsWith("video/") ? "video" : "image");

const openError = (thrown: unknown) => classifyError(thrown, "open", "STORAGE_FAILED");

function missingOriginal(key: string): UploadError {
  const message = `The storage has no original under ${JSON.stringify(key)}`;
  return new UploadError(message, { code: "MISSING_ORIGINAL", stage: "open" });
}
