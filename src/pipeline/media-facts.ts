import type { MediaFacts } from "../contracts/ai.js";
import type { UploadRecord } from "../contracts/upload.js";
import type { Settings } from "./settings.js";

/** What is stored as `metadata.media`; `undefined` where something else stands there. */
export function mediaOf({
  metadata,
}: {
  readonly metadata?: Readonly<Record<string, unknown>> | null | undefined;
}): MediaFacts | undefined {
  const media = metadata?.media;
  return typeof media === "object" && media !== null && !Array.isArray(media) ? media : undefined;
}

/** Later facts over earlier ones; renditions by their name. */
export function mergeMedia(earlier: MediaFacts | undefined, later: MediaFacts | undefined): MediaFacts | undefined {
  if (earlier === undefined || later === undefined) return later ?? earlier;
  const merged = Object.assign({}, earlier, later);
  if (earlier.renditions === undefined || later.renditions === undefined) return merged;
  return Object.assign(merged, { renditions: Object.assign({}, earlier.renditions, later.renditions) });
}

/** What was made of an original, without what was measured of it. */
export function picturesIn({ renditions, placeholder }: MediaFacts): MediaFacts {
  return Object.assign({}, renditions && { renditions }, placeholder !== undefined && { placeholder });
}

/** Without what the options do not ask for: where a photo was taken is personal, and may have been stored when they did. */
export function wantedFacts(facts: MediaFacts, { exif, location }: Settings<UploadRecord>["facts"]): MediaFacts {
  const wanted: { -readonly [Key in keyof MediaFacts]: MediaFacts[Key] } = Object.assign({}, facts);
  if (!location) delete wanted.gps;
  if (exif) return wanted;
  delete wanted.takenAt;
  delete wanted.camera;
  return wanted;
}
