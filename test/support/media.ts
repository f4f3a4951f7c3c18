import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, vi } from "vitest";
import { Cancellation } from "../../src/async/cancellation.js";
import { forwardAbort } from "../../src/async/time.js";
import type { MediaDecoder, OpenedOriginal, StorageAdapter, UploadRecord } from "../../src/index.js";
import { decoderTable } from "../../src/media/decoders.js";
import type { PictureSettings, Thumbnail } from "../../src/media/thumbnail.js";
import { createUploadMedia } from "../../src/pipeline/media.js";
import type { UploadMediaOptions } from "../../src/pipeline/upload-media.js";
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
  const { known, decode = decodeSlots(1).decode, onDecodeWait, input, vision, decoders = [], visionAhead } = options;
  const facts = { exif: false, location: false, ...options.facts };
  const timeouts = { thumbnailMs: 60_000, describeMs: 60_000, embedMs: 60_000, decodeMs: 60_000, ...options.timeouts };
  const record = options.record ?? (() => ({ ...upload }));
  const cancellation = cancellationBy(controller.signal);
  const made = createUploadMedia({
    record,
    storageKey: upload.storageKey,
    storage,
    settings: {
      input: { ...inputSettings, ...input },
      vision: { ...visionSettings, ...vision },
      timeouts,
      facts,
      decoders: decoderTable(decoders),
      logger,
    },
    isToBeDescribed: options.isToBeDescribed ?? (() => true),
    visionAhead,
    decode,
    onDecodeWait,
    onDamage: options.onDamage,
    cancellation,
    known,
  });
  const media = {
    async thumbnail(wanted: PictureSettings, signal: AbortSignal): Promise<Thumbnail> {
      const { pictures } = await made.pictures({ pictures: [wanted], placeholder: false }, cancellationBy(signal));
      return pictures[0] as Thumbnail;
    },
    pictures: (wanted: Parameters<typeof made.pictures>[0], signal: AbortSignal) =>
      made.pictures(wanted, cancellationBy(signal)),
    described: async () => made.described(),
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

type Settings = UploadMediaOptions<UploadRecord>["settings"];

interface MediaOptions
  extends Partial<
    Pick<
      UploadMediaOptions<UploadRecord>,
      "known" | "onDamage" | "onDecodeWait" | "record" | "visionAhead" | "isToBeDescribed"
    >
  > {
  readonly decoders?: readonly MediaDecoder[];
  readonly facts?: Partial<Settings["facts"]>;
  readonly timeouts?: Partial<Settings["timeouts"]>;
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

/** Puts the temporary files of this test file into a directory of their own; tells which there are, and removes them. */
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
  return async () => {
    const found = await readdir(directory);
    // What one test leaves is not to be held against those behind it.
    for (const name of found) await rm(join(directory, name), { recursive: true });
    return found;
  };
}
