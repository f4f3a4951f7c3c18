import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, vi } from "vitest";
import { Cancellation } from "../../src/async/cancellation.js";
import { forwardAbort } from "../../src/async/time.js";
import type { OpenedOriginal, StorageAdapter, UploadRecord } from "../../src/index.js";
import { createUploadMedia, type UploadMediaOptions } from "../../src/pipeline/media.js";
import { type DecodeSlots, decodeSlots } from "./decode-slots.js";
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
  const { known, decode = decodeSlots(1).decode, onDecodeWait, input, vision } = options;
  const record = options.record ?? (() => ({ ...upload }));
  const cancellation = cancellationBy(controller.signal);
  const made = createUploadMedia({
    record,
    storageKey: upload.storageKey,
    storage,
    settings: { input: { ...inputSettings, ...input }, vision: { ...visionSettings, ...vision }, logger },
    decode,
    onDecodeWait,
    cancellation,
    known,
  });
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

type Input = UploadMediaOptions<UploadRecord>["settings"]["input"];
type Vision = UploadMediaOptions<UploadRecord>["settings"]["vision"];

interface MediaOptions extends Partial<Pick<UploadMediaOptions<UploadRecord>, "known" | "onDecodeWait" | "record">> {
  readonly input?: Partial<Input>;
  readonly vision?: Partial<Vision>;
  readonly decode?: DecodeSlots["decode"];
}

const inputSettings: Pick<Input, "maxBytes" | "limitInputPixels" | "tolerance" | "allow"> = {
  maxBytes: 512 * 2 ** 20,
  limitInputPixels: 100_000_000,
  tolerance: "strict",
  allow: ["image/jpeg", "image/png", "image/webp", "image/avif", "image/gif", "image/tiff", "image/heic"],
};
const visionSettings = { maxSide: 1568, multipleOf: 28, quality: 85, background: "#ffffff" };

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
