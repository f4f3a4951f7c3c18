import type { Cancellation } from "../async/cancellation.js";
import { Interrupted } from "../async/time.js";
import type { Media, MediaFacts, VisionFrame, VisionImage } from "../contracts/ai.js";
import type { UploadRecord } from "../contracts/upload.js";
import { tellUnasked, UploadError } from "../errors.js";
import { admitType, kindOf } from "../media/admission.js";
import { memoizeAsync } from "../media/memoize-async.js";
import type { Original } from "../media/original.js";
import type { PicturesMade, PicturesWanted } from "../media/pictures.js";
import { count } from "../validate.js";
import { DecodeSlot } from "./decode-slot.js";
import { MediaDecoding } from "./media-decoding.js";
import { MediaSource, openError } from "./media-source.js";
import { PicturesAhead } from "./pictures-ahead.js";
import type { UploadMedia, UploadMediaOptions } from "./upload-media.js";
import { WithRecord } from "./with-record.js";

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
