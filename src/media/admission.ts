import { UploadError, type UploadErrorCode } from "../errors.js";
import { sniff } from "./sniff.js";

/** What every build of sharp decodes. */
export const DECODED_BY_SHARP: readonly string[] = [
  "image/jpeg",
  "image/png",
  "image/apng",
  "image/webp",
  "image/avif",
  "image/gif",
  "image/tiff",
];

/** What is let in by default, beside what decoders name. */
export const IMAGES: readonly string[] = [...DECODED_BY_SHARP, "image/heic", "image/heif"];

/** Of the `input` options: which originals are let in. */
export interface AdmissionLimits {
  /** In bytes. */
  readonly maxBytes: number;
  /** MIME types. */
  readonly allow: readonly string[];
}

/** What was measured of an original that was let in. */
export interface Admitted {
  readonly mimeType: string;
  /** In bytes. */
  readonly size: number;
}

/**
 * Tells the type of an original by its head, and lets it in or not.
 *
 * @returns the MIME type
 * @throws UploadError `INVALID_MEDIA` unknown content, `UNSUPPORTED_MEDIA` a type that is not allowed
 */
export async function admitContent(head: Uint8Array, { allow }: AdmissionLimits): Promise<string> {
  if (head.byteLength === 0) throw refusal("INVALID_MEDIA", "The original is empty");
  const mimeType = await sniff(head);
  if (mimeType === null)
    throw refusal("INVALID_MEDIA", "The content is neither an image nor any other type that is known");
  admitType(mimeType, allow);
  return mimeType;
}

/** What an original of this MIME type is to an adapter. */
export const kindOf = (mimeType: string): "image" | "video" => (mimeType.startsWith("video/") ? "video" : "image");

/** What to do about a video that nothing decodes. */
export const noVideoDecoder =
  'a video needs a decoder, and there is none: install ffmpeg, and give decoders: [ffmpeg()] of "upload-processor/ffmpeg"; input.allow, if it is given, has to name the type as well';

/** @throws UploadError `UNSUPPORTED_MEDIA` unless the type is allowed */
export function admitType(mimeType: string, allow: readonly string[]): void {
  if (allow.includes(mimeType)) return;
  throw refusal("UNSUPPORTED_MEDIA", `The content is ${mimeType}: ${whyNot(mimeType, allow)}`);
}

function whyNot(mimeType: string, allow: readonly string[]): string {
  if (ACTIVE_CONTENT.has(mimeType)) return "it can run scripts or refer elsewhere; input.allow does not let it in";
  if (kindOf(mimeType) === "video") {
    const videos = allow.filter((type) => kindOf(type) === "video");
    if (videos.length === 0) return noVideoDecoder;
    const target = videos.includes("video/mp4") ? "MP4" : "one of these";
    return `of videos, your decoders and input.allow let in ${videos.join(", ")}; convert it to ${target}`;
  }
  if (mimeType.startsWith("image/") && !IMAGES.includes(mimeType))
    return "sharp does not decode it, and input.allow does not let it in; convert it to JPEG or PNG";
  return "input.allow does not let it in";
}

/** What can run scripts or refer to other files. */
const ACTIVE_CONTENT: ReadonlySet<string> = new Set([
  "image/svg+xml",
  "text/html",
  "application/xml",
  "application/pdf",
  "application/postscript",
]);

/** @throws UploadError `MEDIA_TOO_LARGE` */
export function admitSize(bytes: number, { maxBytes }: AdmissionLimits, measured: "whole" | "so far" = "whole"): void {
  if (bytes <= maxBytes) return;
  const size = measured === "whole" ? `${bytes} bytes` : `at least ${bytes} bytes`;
  throw refusal("MEDIA_TOO_LARGE", `The original has ${size}; input.maxBytes lets in ${maxBytes}`);
}

function refusal(code: UploadErrorCode, message: string): UploadError {
  return new UploadError(message, { code, stage: "open" });
}
