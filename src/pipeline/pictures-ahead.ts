import type { VisionImage } from "../contracts/ai.js";
import type { Original } from "../media/original.js";
import type { PicturesMade } from "../media/pictures.js";
import type { PictureSettings, Thumbnail } from "../media/thumbnail.js";
import type { VisionAhead } from "../runtime/vision-ahead.js";

/** What was made of one decoding for who has not asked for it yet: it is of use while the original is the same. */
export class PicturesAhead {
  #image: { readonly image: VisionImage; readonly of: Original } | undefined;
  #pictures: EarlyPictures | undefined;
  #isOver = false;

  constructor(private readonly visionAhead: VisionAhead | undefined) {}

  get hasImage(): boolean {
    return this.#image !== undefined;
  }

  keepImage(image: VisionImage, of: Original): void {
    this.dropImage();
    // A decoding may end behind its upload, and then nobody lets go of what it has made.
    if (this.#isOver) return;
    this.#image = { image, of };
    this.visionAhead?.hold(image.data.byteLength);
  }

  takeImage(of: Original): VisionImage | undefined {
    const kept = this.#image;
    this.dropImage();
    return kept?.of === of ? kept.image : undefined;
  }

  dropImage(): void {
    if (this.#image !== undefined) this.visionAhead?.letGo(this.#image.image.data.byteLength);
    this.#image = undefined;
  }

  /** A stage of the user's has asked for the image before there is a thumbnail. */
  keepPictures(settings: readonly PictureSettings[], { pictures, placeholder }: PicturesMade, of: Original): void {
    const bySettings = new Map(settings.map((each, index) => [each, pictures[index] as Thumbnail]));
    this.#pictures = { of, bySettings, placeholder };
  }

  /** @returns `null` unless everything that is wanted is there */
  takePictures(of: Original, settings: readonly PictureSettings[], placeholder: boolean): PicturesMade | null {
    const early = this.#pictures;
    this.#pictures = undefined;
    if (early?.of !== of || (placeholder && early.placeholder === undefined)) return null;
    const found = settings.map((each) => early.bySettings.get(each));
    if (found.includes(undefined)) return null;
    const taken = { pictures: found as Thumbnail[] };
    return early.placeholder === undefined ? taken : { ...taken, placeholder: early.placeholder };
  }

  /** For good: the upload is over. */
  drop(): void {
    this.#isOver = true;
    this.dropImage();
    this.#pictures = undefined;
  }
}

interface EarlyPictures {
  readonly of: Original;
  /** What each of the settings has made. */
  readonly bySettings: ReadonlyMap<PictureSettings, Thumbnail>;
  readonly placeholder: string | undefined;
}
