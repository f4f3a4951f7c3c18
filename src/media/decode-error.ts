import { access, constants } from "node:fs/promises";
import { ConfigurationError, classifyError, messageOf, UploadError } from "../errors.js";
import { DECODED_BY_SHARP } from "./admission.js";
import type { Inspection } from "./inspect/inspection.js";
import { readHead } from "./read-head.js";
import type { SharpConstructor } from "./sharp.js";
import { systemError } from "./system-error.js";

/**
 * Tells whether the decoder failed because something could not be read or written just now: that is no fault of the
 * image, and `INVALID_MEDIA` would settle its upload for good.
 *
 * @returns `null` when the image itself is at fault
 */
export async function readError(
  thrown: unknown,
  input: string | Uint8Array,
  sharp: SharpConstructor,
): Promise<UploadError | null> {
  const path = typeof input === "string" ? input : undefined;
  const failed = await systemError(thrown, path);
  if (failed !== null || path === undefined) return failed;
  try {
    await access(path, constants.R_OK);
    if (UNKNOWN_FORMAT.test(messageOf(thrown)) && (await isKnown(await readHead(path), sharp)))
      return unreadable(thrown);
    return null;
  } catch (error) {
    return (await systemError(error, path)) ?? classifyError(error, "open", "STORAGE_FAILED");
  }
}

const UNKNOWN_FORMAT = /unsupported image format/i;

/**
 * sharp calls a file that it cannot open "unsupported", as where all file descriptors are in use. Whether the format
 * really is unknown is told by the head of the file, read by Node and handed over as bytes.
 */
async function isKnown(head: Uint8Array, sharp: SharpConstructor): Promise<boolean> {
  try {
    await sharp(head).metadata();
    return true;
  } catch (error) {
    return !UNKNOWN_FORMAT.test(messageOf(error)); // any other complaint comes from the decoder of a known format
  }
}

function unreadable(thrown: unknown): UploadError {
  const message = "The decoder could not open the original, although its format is known";
  return new UploadError(message, { code: "STORAGE_FAILED", stage: "open", cause: thrown });
}

/** How libheif words that it has no codec, over its versions. */
const NO_HEIF_CODEC = /compression format|decoding plugin|unsupported codec/i;

/** How libtiff, libheif and libjpeg word that they lack what an image is coded with. */
const LACKING = /not configured|not implemented|not been built|arithmetic coding|unsupported (?:feature|codec|jpeg)/i;

/** How sharp words that the option `background` is no colour: no image is at fault, and each would fail by it. */
const NO_COLOUR = /^Unable to parse colou?r from string: (.*)/;

/**
 * What is wrong with an image that the decoder refused.
 *
 * @param inspection `undefined` when it failed before there was one
 * @param limitInputPixels the user's limit
 */
export function decodeError(
  thrown: unknown,
  mimeType: string,
  inspection: Inspection | undefined,
  limitInputPixels: number | undefined,
): UploadError {
  const message = messageOf(thrown);
  const [, colour] = NO_COLOUR.exec(message) ?? [];
  if (colour !== undefined)
    return new ConfigurationError(`thumbnail.background: sharp knows no colour ${JSON.stringify(colour)}`);
  const { coding = mimeType, limitPixels, isRare = false } = inspection ?? {};
  if (/exceeds pixel limit/i.test(message)) {
    const byDefault = limitInputPixels === undefined ? `, by default for ${coding}` : "";
    const tooLarge = `The image has more than ${limitInputPixels ?? limitPixels} pixels (input.limitInputPixels${byDefault})`;
    return new UploadError(tooLarge, { code: "MEDIA_TOO_LARGE", cause: thrown });
  }
  if (/maximum supported image dimension/i.test(message)) {
    const tooLong = "The image has a longer side than its decoder takes";
    return new UploadError(tooLong, { code: "MEDIA_TOO_LARGE", cause: thrown });
  }
  if (isHeif(mimeType) && NO_HEIF_CODEC.test(message) && (inspection === undefined || / HEVC$/.test(coding))) {
    const advice =
      'sharp\'s prebuilt cannot decode HEIC (HEVC): give decoders: [heic()] of "upload-processor/heic", install a libvips built with libheif and libde265 for sharp, or convert it to JPEG before';
    return new UploadError(advice, { code: "UNSUPPORTED_MEDIA", cause: thrown });
  }
  if (isRare || LACKING.test(message) || (isHeif(mimeType) && NO_HEIF_CODEC.test(message))) {
    const lacking = `The image (${mimeType}) is ${coding}, which the installed sharp cannot decode; convert it to JPEG or PNG`;
    return new UploadError(lacking, { code: "UNSUPPORTED_MEDIA", cause: thrown });
  }
  // When it does not know a file of a type that it always decodes, the file is damaged.
  if (UNKNOWN_FORMAT.test(message) && !DECODED_BY_SHARP.includes(mimeType)) {
    return new UploadError(`sharp cannot decode ${mimeType}`, { code: "UNSUPPORTED_MEDIA", cause: thrown });
  }
  // libvips writes all messages of one operation, one a line. The first that says something names the cause.
  const cause = message.split("\n").find((line) => !SAYS_NOTHING.test(line)) ?? "its decoder does not say why";
  return new UploadError(`The image (${mimeType}) is damaged: ${cause}`, { code: "INVALID_MEDIA", cause: thrown });
}

/** Of libheif, which tries where a file ends; and of libtiff in front of a warning. */
const SAYS_NOTHING = /: bad seek to \d+$|^Warning treated as error/;

const isHeif = (mimeType: string) => /^image\/(?:hei[cf]|avif)/.test(mimeType);
