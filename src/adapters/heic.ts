import type { DecodedFrame, MediaDecoder, MediaProbe } from "../contracts/decoder.js";
import { ConfigurationError, LONGEST_TIMER_MS, UploadError, unknownOption } from "../errors.js";
import { type Header, readHeader } from "./heic/header.js";
import { Pool } from "./heic/pool.js";

/** Of {@link heic}. */
export interface HeicOptions {
  /** How many files are decoded at once, each in a thread of its own. @default 1 */
  readonly workers?: number | undefined;
  /** How long one file may take, in milliseconds, without its wait for a worker. @default 30000 */
  readonly timeoutMs?: number | undefined;
}

/** What {@link heic} makes. */
export interface HeicDecoder extends MediaDecoder {
  readonly probe: NonNullable<MediaDecoder["probe"]>;
  /** Ends the workers at once. They also end by themselves, a second after the last file, and never keep a process alive. */
  readonly close: () => Promise<void>;
}

/**
 * Decodes HEIC, the photos of phones, in worker threads. It needs the package `libheif-js` (LGPL-3.0) installed beside this one.
 *
 * Upright by what the container says (`irot`, `imir`), never by EXIF; of several pictures the primary one. The size is checked
 * before anything is decoded.
 *
 * @throws ConfigurationError an option that is none
 * @example
 * await processUploads(uploads, { storage, repository, ai }, { decoders: [heic()] });
 */
export function heic(options: HeicOptions = {}): HeicDecoder {
  const { workers, timeoutMs } = readOptions(options);
  const pool = new Pool({ workers, timeoutMs });
  return {
    concurrency: workers,
    mimeTypes: ["image/heic", "image/heif", "image/heic-sequence", "image/heif-sequence"],
    async probe({ path }): Promise<MediaProbe> {
      const { codec, width, height, colours } = await readHeader(path);
      return { codec, width, height, hdr: colours.hdr !== undefined };
    },
    async *frames({ path }, { maxSide, limitPixels, signal }): AsyncGenerator<DecodedFrame> {
      const header = await readHeader(path);
      requireDecodable(header, limitPixels);
      const { profile, gamut, exponent } = header.colours;
      const memoryBytes = memoryFor(header);
      const job = { path, maxSide, memoryBytes, isCropped: header.isCropped, profile, gamut, exponent };
      const answer = await pool.decode(job, signal);
      if (answer.kind === "encoded") yield { timeSeconds: 0, encoded: answer.encoded };
      else yield Object.assign({ timeSeconds: 0 }, answer.raster);
    },
    close: () => pool.close(),
  };
}

function requireDecodable({ codec, pixels, colours }: Header, limitPixels: number): void {
  if (codec !== "hevc") {
    const message = `This HEIF is coded as ${JSON.stringify(codec)}: only HEVC is decoded. Convert it to JPEG`;
    throw new UploadError(message, { code: "UNSUPPORTED_MEDIA" });
  }
  if (pixels > limitPixels) {
    const message = `The image has more than ${limitPixels} pixels (input.limitInputPixels)`;
    throw new UploadError(message, { code: "MEDIA_TOO_LARGE" });
  }
  if (colours.hdr !== undefined) {
    const message = `This HEIC is HDR (${colours.hdr}) without a colour profile, and would be shown in wrong colours: convert it to SDR`;
    throw new UploadError(message, { code: "UNSUPPORTED_MEDIA" });
  }
  if (colours.unknownTransfer !== undefined) {
    const message = `This HEIC has colours with the transfer function ${colours.unknownTransfer}, which is not converted: convert it to sRGB`;
    throw new UploadError(message, { code: "UNSUPPORTED_MEDIA" });
  }
}

/** What the decoder has before the first file: 17 MB, and twice that when tables are made. */
const BASE_BYTES = 64 * 1024 * 1024;
const BYTES_PER_PIXEL = 32;
const COPIES_OF_THE_FILE = 4;

/** More than a true picture of the size takes. */
function memoryFor({ pixels, bytes }: Header): number {
  return BASE_BYTES + pixels * BYTES_PER_PIXEL + bytes * COPIES_OF_THE_FILE;
}

const DEFAULTS = { workers: 1, timeoutMs: 30_000 };
const LARGEST = { workers: 64, timeoutMs: LONGEST_TIMER_MS };

function readOptions(options: HeicOptions): typeof DEFAULTS {
  if (typeof options !== "object" || options === null)
    throw new ConfigurationError(
      `heic(options): expected an object, got ${options === null ? "null" : typeof options}`,
    );
  const read = Object.assign({}, DEFAULTS);
  for (const name of Object.keys(options)) {
    if (name !== "workers" && name !== "timeoutMs") throw unknownOption("heic(options)", name, Object.keys(DEFAULTS));
    const value = options[name];
    if (value === undefined) continue;
    if (!Number.isInteger(value) || value < 1 || value > LARGEST[name])
      throw new ConfigurationError(
        `heic(options).${name}: expected a whole number from 1 to ${LARGEST[name]}, got ${String(value)}`,
      );
    read[name] = value;
  }
  return read;
}
