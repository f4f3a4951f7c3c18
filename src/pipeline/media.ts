import type { Cancellation, Stoppable } from "../async/cancellation.js";
import { Interrupted } from "../async/time.js";
import type { Media, MediaFacts, VisionFrame, VisionImage } from "../contracts/ai.js";
import type { StorageAdapter } from "../contracts/storage.js";
import type { UploadRecord } from "../contracts/upload.js";
import { tellUnasked, UploadError } from "../errors.js";
import { admitType, kindOf } from "../media/admission.js";
import { memoizeAsync } from "../media/memoize-async.js";
import type { Original } from "../media/original.js";
import type { PicturesMade, PicturesWanted } from "../media/pictures.js";
import type { VisionAhead } from "../runtime/vision-ahead.js";
import { count } from "../validate.js";
import { DecodeSlot } from "./decode-slot.js";
import { MediaDecoding } from "./media-decoding.js";
import { MediaSource, openError } from "./media-source.js";
import { PicturesAhead } from "./pictures-ahead.js";
import type { Settings } from "./settings.js";
import { WithRecord } from "./with-record.js";

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

export function createUploadMedia<U extends UploadRecord>(options: UploadMediaOptions<U>): UploadMedia<U> {
  return new LazyMedia(options);
}

/**
 * Node ends the process when a promise rejects before anybody awaits it, and an adapter may start a call and await it later, or never.
 * Who could not have its picture has called no model yet.
 */
function forAdapter<T>(promise: Promise<T>): Promise<T> {
  promise.catch((error) => {
    if (UploadError.isInstance(error) || error instanceof Interrupted) tellUnasked(error);
  });
  return promise;
}

/** The default of `media.frames({ max })`. */
const FRAMES = 10;

class LazyMedia<U extends UploadRecord> implements UploadMedia<U> {
  readonly #options: UploadMediaOptions<U>;
  readonly #source: MediaSource;
  readonly #decoding: MediaDecoding<U>;
  readonly #visionImage = memoizeAsync(() => this.#makeVisionImage());
  #frames: Map<number, () => Promise<readonly VisionFrame[]>> | undefined;
  readonly #ahead: PicturesAhead;
  #isAsked = false;
  #isDamaged = false;
  readonly #slot: DecodeSlot;
  #media: Media<U> | undefined;

  constructor(options: UploadMediaOptions<U>) {
    const { record, storage, storageKey, settings, known, cancellation } = options;
    this.#options = options;
    this.#source = new MediaSource({
      storage,
      storageKey,
      limits: settings.input,
      known,
      warn: (message, error) => settings.logger.warn({ uploadId: record().id, error }, message),
    });
    this.#decoding = new MediaDecoding(settings, this.#source, cancellation, (warning) => this.#tellDamage(warning));
    this.#ahead = new PicturesAhead(options.visionAhead);
    this.#slot = new DecodeSlot(options);
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

  async pictures(
    { pictures, placeholder }: Pick<PicturesWanted, "pictures" | "placeholder">,
    cancellation: Cancellation,
  ): Promise<PicturesMade> {
    const original = await this.#source.current(cancellation);
    if (cancellation.aborted) throw cancellation.reason;
    const early = this.#ahead.takePictures(original, pictures, placeholder);
    if (early !== null) return early;
    const vision = this.#expectsVision();
    const wanted = { pictures, placeholder, vision, measure: false };
    const made = await this.#decoding.pictures(original, wanted, cancellation);
    // Who has asked meanwhile has it made already.
    if (made.visionImage !== undefined && !this.#isAsked) this.#ahead.keepImage(made.visionImage, original);
    return made;
  }

  facts(): MediaFacts | null {
    return this.#source.facts ?? null;
  }

  record(facts: MediaFacts): void {
    this.#source.addFacts(facts);
  }

  described(): void {
    const { visionAhead } = this.#options;
    if (this.#isImage) visionAhead?.learn(this.#decoding.mimeType, this.#isAsked);
    this.#ahead.dropImage();
  }

  get canMeasure(): boolean {
    return this.#decoding.canMeasure;
  }

  async measure(cancellation: Cancellation): Promise<void> {
    if (this.#source.facts === undefined) await this.#source.open(cancellation);
    if (this.canMeasure) {
      await this.#source.open(cancellation);
      await this.#slot.run(async () => this.#decoding.measure(await this.#source.current(cancellation)), cancellation);
    }
  }

  release(): Promise<void> | undefined {
    this.#ahead.drop();
    return this.#source.close();
  }

  /** Functions, not methods: adapters take them apart. */
  #createMedia(): Media<U> {
    const { record, cancellation } = this.#options;
    const { mimeType = "", kind = kindOf(mimeType) } = this.#source.facts ?? {};
    const visionImage = () => forAdapter(this.#openAndMakeVisionImage());
    return Object.assign(new WithRecord(record), {
      kind,
      mimeType,
      path: () => forAdapter(this.#read((original) => original.path(cancellation.signal))),
      bytes: () => forAdapter(this.#read((original) => original.bytes(cancellation.signal))),
      stream: () => forAdapter(this.#read((original) => original.stream())),
      visionImage,
      frames: (options?: { max?: number | undefined }) => forAdapter(this.#openAndMakeFrames(options?.max)),
      facts: () => forAdapter(this.#measured()),
    });
  }

  get #isImage(): boolean {
    return kindOf(this.#decoding.mimeType) === "image";
  }

  /** Of a video, the frame for the thumbnail is another one than those for the model. */
  #expectsVision(): boolean {
    const { isToBeDescribed, visionAhead } = this.#options;
    if (!this.#isImage || this.#isAsked || isToBeDescribed?.() !== true) return false;
    return visionAhead?.expects(this.#decoding.mimeType) === true;
  }

  /** Every decoding would tell it again. */
  #tellDamage(warning: UploadError): void {
    if (!this.#isDamaged) this.#options.onDamage?.(warning);
    this.#isDamaged = true;
  }

  /**
   * A copy. Facts of an earlier start were measured on an original that was opened then, so they do not need it now.
   */
  async #measured(): Promise<MediaFacts> {
    await this.measure(this.#options.cancellation);
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
    this.#isAsked = true;
    await this.#source.open(this.#options.cancellation);
    if (this.#isImage) return this.#visionImage();
    const [frame] = await this.#videoFrames(this.#frames?.keys().next().value ?? 1);
    const { timeSeconds, ...image } = frame as VisionFrame;
    return image;
  }

  async #openAndMakeFrames(max: number | undefined): Promise<readonly VisionFrame[]> {
    const most = count("media.frames: max", max, FRAMES, 1);
    this.#isAsked = true;
    await this.#source.open(this.#options.cancellation);
    return this.#isImage ? [{ ...(await this.#visionImage()), timeSeconds: 0 }] : this.#videoFrames(most);
  }

  #videoFrames(max: number): Promise<readonly VisionFrame[]> {
    this.#frames ??= new Map();
    let frames = this.#frames.get(max);
    if (frames === undefined) {
      const { cancellation } = this.#options;
      frames = memoizeAsync(() =>
        this.#slot.run(async () => this.#decoding.frames(await this.#source.current(cancellation), max)),
      );
      this.#frames.set(max, frames);
    }
    return frames();
  }

  async #makeVisionImage(): Promise<VisionImage> {
    const { cancellation } = this.#options;
    if (this.#ahead.hasImage) {
      const image = this.#ahead.takeImage(await this.#source.current(cancellation));
      if (image !== undefined) return image;
    }
    return this.#slot.run(async () => {
      const original = await this.#source.current(cancellation);
      const toCome = this.#options.picturesToCome?.() ?? null;
      return toCome === null ? this.#decoding.visionImage(original) : this.#makeEarly(original, toCome);
    });
  }

  /** A stage of the user's has asked for the image before there is a thumbnail. */
  async #makeEarly(
    original: Original,
    { pictures, placeholder }: Pick<PicturesWanted, "pictures" | "placeholder">,
  ): Promise<VisionImage> {
    const wanted = { pictures, placeholder, vision: true, measure: false };
    const made = await this.#decoding.pictures(original, wanted, this.#options.cancellation);
    this.#ahead.keepPictures(pictures, made, original);
    return made.visionImage as VisionImage;
  }
}
