import type { UploadRecord } from "../contracts/upload.js";
import type { PictureSettings } from "../media/thumbnail.js";
import type { RenditionOptions, ThumbnailOptions } from "../options.js";
import { aFunction, count, expected, optional, requireKnown, requireMembers } from "../validate.js";

/** A thumbnail or a rendition, with where it is written. */
export interface PictureOptions<U extends UploadRecord> extends PictureSettings {
  readonly key: (upload: U) => string;
}

export const WHITE = "#ffffff";
const EXTENSIONS = { jpeg: "jpg", webp: "webp", png: "png" } as const;
/** The forms that sharp reads. Which names there are is known to it alone, and it is loaded with the first image. */
const COLOUR = /^(?:#(?:[\da-f]{3,4}|[\da-f]{6}|[\da-f]{8})|[a-z]+|(?:rgba?|hsla?|hwb)\([^()]+\))$/i;
const aColour = (value: unknown) => typeof value === "string" && COLOUR.test(value);
/** A raw picture of this many pixels a side takes 200 MB. */
const LONGEST_SIDE = 8192;

/** @throws ConfigurationError an option that is unknown or out of range */
export function resolveThumbnail<U extends UploadRecord>(
  options: ThumbnailOptions<U>,
): PictureOptions<U> & { readonly background: string } {
  requireMembers("thumbnail", options, []);
  requireKnown("thumbnail", options, ["size", "format", "quality", "background", "key"]);
  const { size = 256, background = WHITE } = options;
  optional("thumbnail.background", background, aColour, 'a colour such as "#ffffff", "white" or "rgb(255, 255, 255)"');
  return { ...resolvePicture<U>("thumbnail", { ...options, size }, ""), background };
}

/** @throws ConfigurationError what is no rendition, or has no name that can be used */
export function resolveRenditions<U extends UploadRecord>(
  renditions: Readonly<Record<string, RenditionOptions<U>>>,
): ReadonlyMap<string, PictureOptions<U>> {
  requireMembers("renditions", renditions, []);
  if (Array.isArray(renditions)) throw expected("renditions", "an object with a rendition under each name", renditions);
  const resolved = new Map<string, PictureOptions<U>>();
  for (const [name, options] of Object.entries(renditions)) {
    if (options === undefined) continue;
    // What every object has (`constructor`) would be taken for a rendition that is there.
    if (!/^[\w-]{1,60}$/.test(name) || name in Object.prototype)
      throw expected("renditions", 'names of letters, digits, "-" and "_", at most 60', name);
    requireMembers(`renditions.${name}`, options, []);
    requireKnown(`renditions.${name}`, options, ["size", "format", "quality", "key"]);
    if (options.size === undefined) throw expected(`renditions.${name}.size`, "the longest side in pixels", undefined);
    resolved.set(name, resolvePicture(`renditions.${name}`, options, `-${name}`));
  }
  return resolved;
}

function resolvePicture<U extends UploadRecord>(
  name: string,
  { size, format = "jpeg", quality, key }: RenditionOptions<U>,
  suffix: string,
): PictureOptions<U> {
  optional(`${name}.format`, format, (value) => Object.hasOwn(EXTENSIONS, String(value)), '"jpeg", "webp" or "png"');
  optional(`${name}.key`, key, aFunction, "a function");
  return {
    size: count(`${name}.size`, size, 0, 1, LONGEST_SIDE),
    format,
    quality: count(`${name}.quality`, quality, 85, 1, 100),
    key: key ?? ((upload) => `thumbnails/${upload.id}${suffix}.${EXTENSIONS[format]}`),
  };
}

/** @throws ConfigurationError for a kind of placeholder that there is not */
export function resolvePlaceholder(placeholder: unknown): "thumbhash" | undefined {
  optional("placeholder", placeholder, (value) => value === "thumbhash", '"thumbhash"');
  return placeholder as "thumbhash" | undefined;
}
