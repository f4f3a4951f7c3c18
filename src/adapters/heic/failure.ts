import { UploadError } from "../../errors.js";
import { loadError } from "../../load-package.js";
import type { Answer, Job } from "./job.js";

type Failure = Exclude<Answer, { readonly kind: "pixels" | "encoded" }>;

/** Of libheif's `heif_error_code`. Its 6, out of memory, also stands for its own limits: it says nothing about the system. */
const UNSUPPORTED_FILE = 3;
const UNSUPPORTED_FEATURE = 4;

/** The error for what a worker could not do. libheif-js takes the size of a crop for the most that may be coded. */
export function failureOf(answer: Failure, { isCropped }: Pick<Job, "isCropped">): Error {
  const { kind, message } = answer;
  if (kind === "unloadable") return notLoaded(message);
  if (kind === "system") return Object.assign(new Error(message), { code: answer.code, syscall: answer.syscall });
  const what = message.trim();
  if (answer.lacked === "limit") {
    const lying = "The HEIC file is damaged: it needs more memory than a picture of its size";
    return new UploadError(lying, { code: "INVALID_MEDIA", cause: new Error(what) });
  }
  if (answer.lacked === "system") {
    const full = `There is not enough memory to decode HEIC: ${what}`;
    return new UploadError(full, { code: "STORAGE_FAILED" });
  }
  if (kind === "refused" && (answer.code === UNSUPPORTED_FILE || answer.code === UNSUPPORTED_FEATURE))
    return new UploadError(`libheif-js cannot decode this HEIC: ${what}`, { code: "UNSUPPORTED_MEDIA" });
  if (isCropped && /security limit/i.test(what)) {
    const advice = "libheif-js cannot decode this HEIC, whose picture is cropped (clap): save it as JPEG";
    return new UploadError(advice, { code: "UNSUPPORTED_MEDIA", cause: new Error(what) });
  }
  return new UploadError(`The HEIC file is damaged: ${what}`, { code: "INVALID_MEDIA" });
}

export function notLoaded(thrown: unknown): UploadError {
  return loadError("heic(): libheif-js", thrown, 'Install it with "npm install libheif-js"');
}
