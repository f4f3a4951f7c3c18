import type { UploadRecord } from "../contracts/upload.js";
import type { Claim } from "./claim.js";
import { mediaOf, mergeMedia } from "./media-facts.js";
import type { Results } from "./results.js";
import type { Settings } from "./settings.js";

type PictureSettings<U extends UploadRecord> = Pick<Settings<U>, "thumbnail" | "renditions" | "placeholder">;

/** What the settings want to be made of the picture and is not there. */
export interface MissingPictures {
  readonly thumbnail: boolean;
  /** Their names. */
  readonly renditions: readonly string[];
  readonly placeholder: boolean;
}

export function missingPictures<U extends UploadRecord>(
  has: Pick<Results, "thumbnailKey" | "metadata">,
  { thumbnail, renditions, placeholder }: PictureSettings<U>,
): MissingPictures {
  const media = mediaOf(has);
  return {
    thumbnail: thumbnail !== false && has.thumbnailKey === undefined,
    renditions: [...renditions.keys()].filter((name) => media?.renditions?.[name] == null),
    placeholder: placeholder !== undefined && media?.placeholder == null,
  };
}

export function hasPictures<U extends UploadRecord>(
  has: Pick<Results, "thumbnailKey" | "metadata">,
  settings: PictureSettings<U>,
): boolean {
  const { thumbnail, renditions, placeholder } = missingPictures(has, settings);
  return !thumbnail && renditions.length === 0 && !placeholder;
}

/** What a claim has of the pictures: made in the same work, or kept of an earlier one. */
export function picturesOf<U extends UploadRecord>({
  made,
  kept,
  thumbnailKey,
}: Claim<U>): Pick<Results, "thumbnailKey" | "metadata"> {
  const media = mergeMedia(mediaOf(kept), mediaOf(made));
  const has: Pick<Results, "thumbnailKey" | "metadata"> = {};
  if (thumbnailKey !== undefined) has.thumbnailKey = thumbnailKey;
  if (media !== undefined) has.metadata = { media };
  return has;
}
