import type { Cancellation } from "../async/cancellation.js";
import type { MediaFacts, VisionFrame, VisionImage } from "../contracts/ai.js";
import type { DecodedFrame, FramesRequest } from "../contracts/decoder.js";
import type { UploadRecord } from "../contracts/upload.js";
import { UploadError } from "../errors.js";
import { kindOf, noVideoDecoder } from "../media/admission.js";
import type { ImageSource } from "../media/decode-image.js";
import type { Decoder } from "../media/decoders.js";
import { readExif } from "../media/exif.js";
import { memoizeAsync } from "../media/memoize-async.js";
import type { Original } from "../media/original.js";
import { readFileExif } from "../media/picture-source.js";
import { makePictures, type PicturesMade, type PicturesWanted } from "../media/pictures.js";
import { decoderPixelLimit } from "../media/pixel-limits.js";
import { type DecoderLimits, type DecoderSource, probe, takeFrames } from "../media/run-decoder.js";
import { makeVisionImage, type VisionSettings } from "../media/vision-image.js";
import type { MediaSource } from "./media-source.js";
import type { Settings } from "./settings.js";

export type DecodingSettings<U extends UploadRecord> = Pick<
  Settings<U>,
  "input" | "vision" | "facts" | "decoders" | "timeouts"
>;

/** Makes pictures of the original of one upload, by the decoder of its type or by sharp. The caller of each method has a decode slot. */
export class MediaDecoding<U extends UploadRecord> {
  readonly #settings: DecodingSettings<U>;
  readonly #source: MediaSource;
  readonly #cancellation: Cancellation;
  readonly #onDamage: (warning: UploadError) => void;
  /** Made in a slot and awaited in one: whoever waits for it holds up nobody that it needs. */
  #measure: { readonly of: Original; readonly once: () => Promise<void> } | undefined;

  /**
   * @param cancellation of the whole run
   * @param onDamage told at each decoding that shows an original although a part of it is missing
   */
  constructor(
    settings: DecodingSettings<U>,
    source: MediaSource,
    cancellation: Cancellation,
    onDamage: (warning: UploadError) => void,
  ) {
    this.#settings = settings;
    this.#source = source;
    this.#cancellation = cancellation;
    this.#onDamage = onDamage;
  }

  get mimeType(): string {
    return this.#source.facts?.mimeType ?? "";
  }

  /** Whether something more can be found out of the original than is known. */
  get canMeasure(): boolean {
    const { width, codec, durationSeconds } = this.#source.facts ?? {};
    if (width !== undefined || codec !== undefined || durationSeconds !== undefined) return false;
    return this.#decoder?.decoder.probe !== undefined || this.#wantsExif;
  }

  /** Asks the decoder, and reads what the options want of the header. */
  async measure(original: Original): Promise<void> {
    if (!this.canMeasure) return;
    if (this.#measure?.of !== original)
      this.#measure = { of: original, once: memoizeAsync(() => this.#measureNow(original)) };
    await this.#measure.once();
  }

  /** One decoding for everything that is wanted. */
  async pictures(original: Original, wanted: PicturesWanted, cancellation: Cancellation): Promise<PicturesMade> {
    const decoder = this.#requireDecoder();
    if (decoder === undefined) {
      const measure = wanted.measure || (this.#wantsExif && this.canMeasure);
      const made = await this.#bySharp(original, (source) =>
        makePictures(source, { ...wanted, measure }, this.#pictureSettings),
      );
      if (made.measured !== undefined) this.#tell(made.measured);
      return made;
    }
    const { vision } = this.#settings;
    const maxSide = Math.max(
      ...wanted.pictures.map(({ size }) => size),
      wanted.vision ? vision.maxSide : wanted.placeholder ? 100 : 1,
    );
    const limits = { signal: cancellation, timeoutMs: this.#settings.timeouts.decodeMs };
    const request = { max: 1, maxSide, purpose: "thumbnail" } as const;
    const [made] = await this.#byDecoder(decoder, original, request, limits, (source) =>
      makePictures(source, wanted, this.#pictureSettings),
    );
    return made ?? this.#throwNoFrame();
  }

  /** Of an image. */
  async visionImage(original: Original): Promise<VisionImage> {
    const decoder = this.#requireDecoder();
    if (decoder !== undefined) {
      const [frame] = await this.frames(original, 1);
      if (frame === undefined) return this.#throwNoFrame();
      const { timeSeconds, ...image } = frame;
      return image;
    }
    const { image, measured } = await this.#bySharp(original, (source) =>
      makeVisionImage(source, this.#pictureSettings),
    );
    this.#tell(measured);
    return image;
  }

  /** Of what has a decoder: at least one. */
  async frames(original: Original, max: number): Promise<readonly VisionFrame[]> {
    const decoder = this.#requireDecoder();
    if (decoder === undefined) return [{ ...(await this.visionImage(original)), timeSeconds: 0 }];
    const limits = { signal: this.#cancellation, timeoutMs: this.#settings.timeouts.decodeMs };
    const request = { max, maxSide: this.#settings.vision.maxSide, purpose: "vision" } as const;
    const frames = await this.#byDecoder(decoder, original, request, limits, async (source) => {
      const { image } = await makeVisionImage(source, this.#pictureSettings);
      return { ...image, timeSeconds: source.frame.timeSeconds };
    });
    return frames.length > 0 ? frames : this.#throwNoFrame();
  }

  get #decoder(): Decoder | undefined {
    return this.#settings.decoders.get(this.mimeType);
  }

  get #wantsExif(): boolean {
    const { exif, location } = this.#settings.facts;
    return (exif || location) && kindOf(this.mimeType) === "image";
  }

  get #pictureSettings(): VisionSettings {
    const { vision, input } = this.#settings;
    const { limitInputPixels, tolerance } = input;
    return { ...vision, limitInputPixels, tolerance, onDamage: this.#onDamage };
  }

  /** The most pixels that a decoder of the user's is to take: sharp's go by the coding. */
  get #decoderPixels(): number {
    return this.#settings.input.limitInputPixels ?? decoderPixelLimit(this.mimeType);
  }

  #requireDecoder(): Decoder | undefined {
    const decoder = this.#decoder;
    if (decoder === undefined && kindOf(this.mimeType) === "video")
      throw new UploadError(`${this.mimeType}: ${noVideoDecoder}`, { code: "UNSUPPORTED_MEDIA" });
    return decoder;
  }

  #bySharp<T>(original: Original, work: (source: ImageSource) => Promise<T>) {
    return this.#source.whileReading(() => work(original.image(this.mimeType)));
  }

  /**
   * The decoder is asked what it knows before it is asked for frames: what is too large, or damaged, ends there. One that learns it
   * with the frames is asked afterwards: starting a program twice would double the time of a small video.
   */
  async #byDecoder<T>(
    { decoder, name }: Decoder,
    original: Original,
    request: Omit<FramesRequest, "signal" | "limitPixels">,
    limits: DecoderLimits,
    work: (source: { frame: Frame; mimeType: string; decoder: string }) => Promise<T>,
  ): Promise<readonly T[]> {
    const learnsWithFrames = decoder.learnsWithFrames === true;
    if (!learnsWithFrames) await this.measure(original);
    const { mimeType } = this;
    const source = await this.#file(original);
    const limitPixels = this.#decoderPixels;
    const taken: T[] = [];
    const take = async (frame: DecodedFrame) => {
      taken.push(await work({ frame, mimeType, decoder: name }));
    };
    try {
      await this.#source.whileReading(() =>
        takeFrames({ decoder, name }, source, { ...request, limitPixels }, limits, take),
      );
    } catch (error) {
      // A later attempt would come no further: what there was time for is what the model gets.
      if (taken.length === 0 || limits.signal.aborted || !isTimeout(error)) throw error;
    }
    if (learnsWithFrames) await this.measure(original);
    return taken;
  }

  async #measureNow(original: Original): Promise<void> {
    const decoder = this.#decoder;
    if (decoder === undefined || kindOf(this.mimeType) === "image") await this.#measureHeader(original);
    if (decoder !== undefined) await this.#probe(decoder, original);
  }

  async #probe(decoder: Decoder, original: Original): Promise<void> {
    const source = await this.#file(original);
    const limits = { signal: this.#cancellation, timeoutMs: this.#settings.timeouts.decodeMs };
    const probed = await this.#source.whileReading(() => probe(decoder, source, limits));
    if (probed === undefined) return;
    const { width = 0, height = 0 } = probed;
    const most = this.#decoderPixels;
    if (width * height > most) {
      const byDefault = this.#settings.input.limitInputPixels === undefined ? `, by default for ${this.mimeType},` : "";
      const message = `The original has ${width} × ${height} pixels; input.limitInputPixels${byDefault} lets in ${most}`;
      throw new UploadError(message, { code: "MEDIA_TOO_LARGE" });
    }
    this.#source.addFacts(probed);
  }

  /** Where sharp cannot read the header, the decoder may be able to read the rest. */
  async #measureHeader(original: Original): Promise<void> {
    if (!this.#wantsExif) return;
    const data = await this.#bySharp(original, (source) => readFileExif(source));
    if (data !== undefined) this.#source.addFacts(readExif(data, this.#settings.facts));
  }

  #tell({ width, height, exif }: { width: number; height: number; exif?: Uint8Array }): void {
    const facts: MediaFacts = exif !== undefined && this.#wantsExif ? readExif(exif, this.#settings.facts) : {};
    this.#source.addFacts({ ...facts, width, height });
  }

  async #file(original: Original): Promise<DecoderSource> {
    return { path: await original.path(this.#cancellation.signal), mimeType: this.mimeType };
  }

  #throwNoFrame(): never {
    const message = `No frame of the original (${this.mimeType}) could be decoded`;
    throw new UploadError(message, { code: "INVALID_MEDIA" });
  }
}

type Frame = Parameters<Parameters<typeof takeFrames>[4]>[0];

function isTimeout(error: unknown): boolean {
  return UploadError.isInstance(error) && error.code === "STAGE_TIMEOUT";
}
