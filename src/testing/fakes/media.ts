import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import type { Media, StageContext, VisionImage } from "../../contracts/ai.js";
import type { UploadRecord } from "../../contracts/upload.js";
import { requireKnown, requireMembers } from "../../validate.js";
import { sampleJpeg } from "../sample-jpeg.js";

export interface FakeMedia<U extends UploadRecord = UploadRecord> extends Media<U> {
  /** Removes the file that `path` wrote, if it was called. */
  readonly release: () => Promise<void>;
}

export interface FakeMediaOptions<U extends UploadRecord = UploadRecord> {
  /** @default `{ id: "upload-1", storageKey: "originals/upload-1.jpg", … }` */
  readonly upload?: U | undefined;
  /** @default "image/jpeg" */
  readonly mimeType?: string | undefined;
  /** What `visionImage` answers. @default the bytes as they are, with a size of 64 × 48 px */
  readonly image?: VisionImage | undefined;
}

/**
 * Media without an upload behind them, to call an AI adapter by hand.
 *
 * @param bytes the original; by default a small photo
 * @example
 * const media = fakeMedia(await readFile("cat.jpg"));
 * const description = await myAI.describe(media, fakeContext());
 * await media.release();
 */
export function fakeMedia(bytes?: Uint8Array, options?: Omit<FakeMediaOptions, "upload">): FakeMedia;
export function fakeMedia<U extends UploadRecord>(
  bytes: Uint8Array | undefined,
  options: FakeMediaOptions<U> & { readonly upload: U },
): FakeMedia<U>;
export function fakeMedia(bytes: Uint8Array = sampleJpeg(), options: FakeMediaOptions = {}): FakeMedia {
  requireMembers("fakeMedia", options, []);
  requireKnown("fakeMedia", options, ["upload", "mimeType", "image"]);
  const { upload = UPLOAD, mimeType = "image/jpeg" } = options;
  const { image = { data: bytes, mimeType: "image/jpeg", width: 64, height: 48 } } = options;
  const kind = mimeType.startsWith("video/") ? "video" : "image";
  let folder: Promise<string> | undefined;

  async function writeOriginal(): Promise<string> {
    const created = await mkdtemp(join(tmpdir(), "fake-media-"));
    await writeFile(join(created, "original"), bytes);
    return created;
  }

  return {
    upload,
    mimeType,
    kind,
    bytes: async () => bytes,
    stream: async () => Readable.from([bytes]),
    async path() {
      folder ??= writeOriginal();
      return join(await folder, "original");
    },
    visionImage: async () => image,
    frames: async () => [{ ...image, timeSeconds: 0 }],
    facts: async () => ({ mimeType, kind, bytes: bytes.byteLength }),
    async release() {
      if (folder !== undefined) await rm(await folder, { recursive: true, force: true });
    },
  };
}

export interface FakeContext extends StageContext {
  /** What `reportProgress` was called with. */
  readonly progress: readonly number[];
}

/** What an AI adapter is told of its call: the first attempt, with a silent logger. */
export function fakeContext({
  signal = new AbortController().signal,
  attempt = 1,
}: Partial<StageContext> = {}): FakeContext {
  const progress: number[] = [];
  return {
    signal,
    attempt,
    idempotencyKey: "upload-1/stage",
    reportProgress: (fraction) => void progress.push(fraction),
    logger: { debug: silent, info: silent, warn: silent, error: silent },
    progress,
  };
}

const UPLOAD: UploadRecord = {
  id: "upload-1",
  storageKey: "originals/upload-1.jpg",
  status: "analyzing",
  fileName: "photo.jpg",
  mimeType: "image/jpeg",
};

const silent = () => {};
