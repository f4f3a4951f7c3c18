import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, vi } from "vitest";
import type { OpenedOriginal, StorageAdapter, UploadRecord } from "../../src/index.js";
import { resolveSettings } from "../../src/options.js";
import { Cancellation } from "../../src/pipeline/cancellation.js";
import { createUploadMedia, type UploadMediaOptions } from "../../src/pipeline/media.js";
import { forwardAbort } from "../../src/pipeline/time.js";
import { photo } from "./images.js";

export { stalledStream, streamOf } from "./streams.js";

type Answer = () => OpenedOriginal | null | Promise<OpenedOriginal | null>;

/** The media of an upload whose storage answers the calls of `open` one by one with these, and with the last from then on. */
export function mediaOf(answers: Answer | readonly Answer[], options: MediaOptions = {}) {
  const queue = [answers].flat() as Answer[];
  const controller = new AbortController();
  const open = vi.fn<StorageAdapter["open"]>(async () => {
    const answer = (queue.length > 1 ? queue.shift() : queue[0]) as Answer;
    return answer();
  });
  const storage: StorageAdapter = { open, write: async () => {}, delete: async () => {} };
  const upload: UploadRecord = { id: "u1", storageKey: "originals/u1", status: "pending", mimeType: "image/jpeg" };
  const logger = { debug: vi.fn(), info: vi.fn(), warn: vi.fn(), error: vi.fn() };
  const { known, ...work } = options;
  const ai = { describe: async () => "" };
  const repository = { findUpload: async () => null, updateUpload: async () => "saved" as const };
  const settings = resolveSettings({ storage, ai, repository }, { ...work, logger });
  const cancellation = cancellationBy(controller.signal);
  const made = createUploadMedia({ upload, storage, settings, cancellation, ...(known && { known }) });
  const media = {
    thumbnail: (wanted: Parameters<typeof made.thumbnail>[0], signal: AbortSignal) =>
      made.thumbnail(wanted, cancellationBy(signal)),
    facts: () => made.facts(),
    release: async () => made.release(),
  };
  const prepare = (signal = controller.signal) => made.prepare(cancellationBy(signal));
  return { media, prepare, open, controller, signal: controller.signal, logger, upload };
}

function cancellationBy(signal: AbortSignal): Cancellation {
  const cancellation = new Cancellation();
  forwardAbort(signal, cancellation);
  return cancellation;
}

type MediaOptions = Pick<UploadMediaOptions<UploadRecord>, "known"> &
  Pick<NonNullable<Parameters<typeof resolveSettings>[1]>, "input" | "vision" | "limits">;

export const jpeg = photo("rocket.jpg");
export const jpegPath = fileURLToPath(new URL("../../examples/photos/rocket.jpg", import.meta.url));
export const thumbnailOptions = { size: 64, format: "jpeg", quality: 80, background: "#ffffff" } as const;

/** Puts the temporary files of this test file into a directory of their own; tells which there are. */
export function watchTemporaryFiles(): () => Promise<string[]> {
  const before = process.env.TMPDIR;
  let directory = "";
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "media-test-"));
    process.env.TMPDIR = directory;
  });
  afterAll(async () => {
    if (before === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = before;
    await rm(directory, { recursive: true });
  });
  return () => readdir(directory);
}
