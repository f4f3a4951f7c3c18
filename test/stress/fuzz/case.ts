import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { memoryRepository, memoryStorage } from "../../../src/adapters/memory.js";
import {
  type MediaDecoder,
  type OpenedOriginal,
  processUploadWithRetry,
  type UploadResult,
} from "../../../src/index.js";
import { childProcesses } from "../../support/child-processes.js";
import { streamOf } from "../../support/streams.js";

/** What a case came to. */
export interface Verdict {
  /** `"completed"`, the code of the error, or another status. */
  readonly outcome: string;
  /** Why that must not be. */
  readonly problem?: string;
}

/** What may become of a file that is damaged in whatever way. None of them is tried again: the file stays as it is. */
const ALLOWED: ReadonlySet<string> = new Set(["INVALID_MEDIA", "UNSUPPORTED_MEDIA", "MEDIA_TOO_LARGE"]);
const THUMBNAIL_SIZE = 256;
/** Longer than a decoder needs for the largest image that is let in. */
const STAGE_MS = 30_000;

/**
 * Processes one file as an upload, from opening it to its vector, and judges what came of it.
 *
 * @param folder of this process alone; its temporary files are made in `temporaryFolder`
 */
export async function tryCase(
  bytes: Buffer,
  way: Way,
  folder: string,
  decoders: readonly MediaDecoder[] = [],
): Promise<Verdict> {
  const temporary = temporaryFolder(folder);
  const objects = memoryStorage();
  const storage = { ...objects, open: async () => openedAs(way, bytes, folder) };
  const repository = memoryRepository({ uploads: [{ id: "1", storageKey: "original", status: "pending" }] });
  const ai = {
    describe: async (media: { visionImage(): Promise<{ width: number; height: number }> }) => {
      const { width, height } = await media.visionImage();
      return `${width} × ${height} px`;
    },
    embed: async () => [1, 0],
  };
  const timeouts = { thumbnailMs: STAGE_MS, describeMs: STAGE_MS, embedMs: STAGE_MS };
  const input = { tolerance: bytes.length % 2 === 0 ? "strict" : "lenient" } as const;
  const options = { retry: { minTimeout: 1 }, timeouts, input, thumbnail: { size: THUMBNAIL_SIZE }, decoders };
  const result = await processUploadWithRetry("1", { storage, ai, repository }, options);
  const left = readdirSync(temporary);
  const running = childProcesses();
  const problem =
    problemOf(result, [folder, process.cwd()]) ??
    (result.status === "completed" ? await problemOfPictures(result, objects.get("thumbnails/1.jpg")) : undefined) ??
    (running.length > 0 ? `processes are left: ${running}` : undefined) ??
    (left.length > 0 ? `temporary files are left: ${left}` : undefined);
  for (const name of left) rmSync(join(temporary, name), { recursive: true });
  const outcome = result.status === "failed" ? result.error.code : result.status;
  return problem === undefined ? { outcome } : { outcome, problem };
}

/** In which way the storage opens it: bytes mostly, because that is fastest. */
export type Way = "bytes" | "path" | "stream";

export const wayOf = (number: number): Way => (number % 8 === 0 ? "path" : number % 8 === 1 ? "stream" : "bytes");

export function temporaryFolder(folder: string): string {
  const temporary = join(folder, "temporary");
  mkdirSync(temporary, { recursive: true });
  return temporary;
}

function openedAs(way: Way, bytes: Buffer, folder: string): OpenedOriginal {
  if (way === "bytes") return { bytes };
  if (way === "stream") return { stream: streamOf(bytes) };
  const path = join(folder, "original");
  writeFileSync(path, bytes);
  return { path };
}

export function problemOf(result: UploadResult, secretPaths: readonly string[]): string | undefined {
  if (result.status !== "completed" && result.status !== "failed") return `the outcome is ${result.status}`;
  if (result.attempts > 1) return `it took ${result.attempts} attempts`;
  const errors = [...result.warnings, ...(result.status === "failed" ? [result.error] : [])];
  for (const { code, message, retryable } of errors) {
    if (!ALLOWED.has(code)) return `${code}: ${message}`;
    if (retryable) return `${code} is retryable: ${message}`;
    if (message.length > 500) return `a message of ${message.length} characters`;
    if (secretPaths.some((path) => message.includes(path))) return `a path is told: ${message}`;
  }
  return undefined;
}

async function problemOfPictures(
  { warnings }: UploadResult,
  thumbnail: Uint8Array | undefined,
): Promise<string | undefined> {
  const problem = await problemOfThumbnail(thumbnail);
  return problem && [problem, ...warnings.map(({ code, message }) => `${code}: ${message}`)].join("; ");
}

export async function problemOfThumbnail(thumbnail: Uint8Array | undefined): Promise<string | undefined> {
  if (thumbnail === undefined) return "it was completed without a thumbnail";
  try {
    const { info } = await sharp(thumbnail, { failOn: "warning" }).raw().toBuffer({ resolveWithObject: true });
    const { width, height } = info;
    return Math.max(width, height) > THUMBNAIL_SIZE ? `a thumbnail of ${width} × ${height} px` : undefined;
  } catch (error) {
    return `a thumbnail that cannot be decoded: ${error}`;
  }
}
