import { Cancellation, type Stoppable } from "../async/cancellation.js";
import { LazyTimer } from "../async/lazy-timer.js";
import { withTimeout } from "../async/time.js";
import type { DecodedFrame, FramesRequest, MediaProbe } from "../contracts/decoder.js";
import { ConfigurationError, classifyError, UploadError } from "../errors.js";
import type { Decoder } from "./decoders.js";
import { systemError } from "./system-error.js";

/** A file for a decoder. */
export interface DecoderSource {
  readonly path: string;
  /** Sniffed from the content. */
  readonly mimeType: string;
}

/** How long a decoder may go on after its signal was aborted, in milliseconds, as an adapter may. */
const ABORT_GRACE_MS = 5000;

/**
 * Takes the frames that are asked for, one after the other, and ends the decoder: when it has given so many, when it fails, when
 * the work is aborted, and when it takes longer than `timeoutMs`.
 *
 * @param use is handed each frame; the next one is asked for when it is done with it
 * @throws UploadError what is wrong with the media, or `STAGE_TIMEOUT`; the reason of the abort
 * @throws ConfigurationError when the decoder breaks its contract
 */
export function takeFrames<T>(
  { decoder, name }: Decoder,
  source: DecoderSource,
  request: Omit<FramesRequest, "signal">,
  limits: DecoderLimits,
  use: (frame: DecodedFrame) => Promise<T>,
): Promise<readonly T[]> {
  return bounded(source, limits, async (ending) => {
    const frames = decoder.frames({ path: source.path }, { ...request, signal: ending.signal });
    const iterator = frames?.[Symbol.asyncIterator]?.();
    if (typeof iterator?.next !== "function")
      throw new ConfigurationError(`${name}.frames: expected an AsyncIterable of frames`);
    const taken: T[] = [];
    let closing: Promise<unknown> | undefined;
    const close = () => {
      closing ??= closed(iterator);
      return closing;
    };
    ending.addEventListener("abort", close);
    try {
      while (taken.length < request.max && !ending.aborted) {
        const step = await iterator.next();
        if (step.done === true || ending.aborted) break;
        taken.push(await use(step.value));
      }
      return taken;
    } finally {
      // Also behind the last frame that is wanted: a decoder may have more to give.
      await close();
    }
  });
}

/** The frames that were taken are good, whatever becomes of the decoder. */
async function closed(iterator: AsyncIterator<unknown>): Promise<void> {
  try {
    const returning = iterator.return?.();
    if (returning !== undefined) await withTimeout(returning, ABORT_GRACE_MS, () => new Error("not closed"));
  } catch {
    // It has ended, or was told to.
  }
}

/** What a decoder tells of a file; only what has the right type. `undefined` from a decoder that cannot tell. */
export async function probe(
  { decoder, name }: Decoder,
  source: DecoderSource,
  limits: DecoderLimits,
): Promise<MediaProbe | undefined> {
  if (decoder.probe === undefined) return undefined;
  const told: unknown = await bounded(source, limits, async (ending) =>
    decoder.probe?.({ path: source.path }, { signal: ending.signal }),
  );
  if (typeof told !== "object" || told === null)
    throw new ConfigurationError(`${name}.probe: expected an object, got ${told === null ? "null" : typeof told}`);
  return readProbe(told);
}

export interface DecoderLimits {
  /** Of the work that the decoder is run for. */
  readonly signal: Stoppable;
  readonly timeoutMs: number;
}

/** Under a signal of its own: who listens to that and is forgotten leaves nothing on the signal of the upload. */
async function bounded<T>(
  source: DecoderSource,
  { signal, timeoutMs }: DecoderLimits,
  work: (ending: Cancellation) => Promise<T>,
): Promise<T> {
  if (signal.aborted) throw signal.reason;
  const ending = new Cancellation();
  const onAbort = () => ending.abort(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  const timer = new LazyTimer(() => setTimeout(() => ending.abort(tooSlow(source.mimeType, timeoutMs)), timeoutMs));
  let grace: NodeJS.Timeout | undefined;
  const givenUp = new Promise<never>((_, reject) => {
    ending.addEventListener("abort", () => {
      grace = setTimeout(() => reject(ending.reason), ABORT_GRACE_MS);
    });
  });
  try {
    const answer = await Promise.race([work(ending), givenUp]);
    if (ending.aborted) throw ending.reason;
    return answer;
  } catch (thrown) {
    // What an aborted decoder throws says no more than that it was aborted.
    throw ending.aborted ? ending.reason : await decoderError(thrown, source);
  } finally {
    timer.clear();
    clearTimeout(grace);
    signal.removeEventListener("abort", onAbort);
  }
}

function tooSlow(mimeType: string, timeoutMs: number): UploadError {
  const message = `The decoder of ${mimeType} took longer than ${timeoutMs} ms (timeouts.decodeMs)`;
  // Not the model's, whose call it may be a part of.
  return new UploadError(message, { code: "STAGE_TIMEOUT", fault: "upload", retryable: true });
}

/**
 * What is wrong with the media has no stage: it belongs to the one that has asked for the frames. What the decoder lacks is of the
 * opening of the original: it says nothing of the model whose call it may be a part of.
 */
async function decoderError(thrown: unknown, { path, mimeType }: DecoderSource): Promise<unknown> {
  if (UploadError.isInstance(thrown))
    return thrown.fault === "service" ? classifyError(thrown, "open", "STORAGE_FAILED") : thrown;
  const error = (await systemError(thrown, path)) ?? classifyError(thrown, "open", "INVALID_MEDIA");
  if (error.fault === "deployment" || error.code === "MISSING_ORIGINAL") return error;
  const { fault, retryable, retryAfterMs } = error;
  const isDamaged = error.code === "INVALID_MEDIA" && fault === "upload";
  const code = isDamaged ? "INVALID_MEDIA" : "STORAGE_FAILED";
  const message = `The decoder of ${mimeType} failed: ${error.message}`;
  const stage = isDamaged ? null : "open";
  return new UploadError(message, { code, stage, fault, retryable, retryAfterMs, cause: thrown });
}

const LONGEST_CODEC = 100;

function readProbe(told: object): MediaProbe {
  const { codec, width, height, durationSeconds, frameRate, hdr } = told as Record<keyof MediaProbe, unknown>;
  const found: { -readonly [Key in keyof MediaProbe]: MediaProbe[Key] } = {};
  if (typeof codec === "string") found.codec = codec.slice(0, LONGEST_CODEC);
  if (isMeasure(width)) found.width = width;
  if (isMeasure(height)) found.height = height;
  if (isMeasure(durationSeconds)) found.durationSeconds = durationSeconds;
  if (isMeasure(frameRate)) found.frameRate = frameRate;
  if (typeof hdr === "boolean") found.hdr = hdr;
  return found;
}

function isMeasure(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value) && value >= 0;
}
