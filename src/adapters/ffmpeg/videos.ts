import type { DecodedFrame, FramesRequest, MediaProbe } from "../../contracts/decoder.js";
import { UploadError } from "../../errors.js";
import type { Binaries } from "./binaries.js";
import { isBlack } from "./black.js";
import { notConverted, toSrgb } from "./colours.js";
import { isHdr, liesOnItsSide, probeOf, type VideoFacts } from "./facts.js";
import { FROM_ZERO, NOT_BLACK, ONE_FRAME, TELL_TIME, toRgb } from "./filters.js";
import type { Picture } from "./pam.js";
import { probeArguments, readProbe } from "./probe.js";
import type { RecentFacts } from "./recent-facts.js";
import type { Job, Run, Runner } from "./runner.js";
import { isBehindOthers, isOnePass, momentsOf, onePass, type Spread, seekTo } from "./spread.js";

/** How far a frame that is not black is looked for, in seconds of the video. */
const BLACK_SECONDS = 120;

interface Frame extends Picture {
  readonly timeSeconds: number;
}

interface Known {
  readonly facts: VideoFacts;
}

/** Takes frames from videos. */
export class Videos {
  readonly #runner: Runner;
  readonly #binaries: Binaries;
  readonly #recent: RecentFacts;

  constructor(runner: Runner, binaries: Binaries, recent: RecentFacts) {
    this.#runner = runner;
    this.#binaries = binaries;
    this.#recent = recent;
  }

  async probe(path: string, signal: AbortSignal): Promise<MediaProbe> {
    signal.throwIfAborted();
    return probeOf(await this.#factsOf({ path, signal }));
  }

  async *frames(path: string, request: FramesRequest): AsyncGenerator<DecodedFrame, void, undefined> {
    const { signal, limitPixels, maxSide, max, purpose } = request;
    signal.throwIfAborted();
    await this.#binaries.require("ffmpegPath", signal);
    const job = { path, limitPixels, maxSide, signal };
    if (purpose === "thumbnail") yield toFrame(await this.#visible(job));
    else for await (const frame of this.#spread(job, max)) yield toFrame(frame);
  }

  /** The first frame that is not black; the first one where all are. */
  async #visible(job: Job): Promise<Frame> {
    const { frame, facts } = await this.#first(job);
    if (!isBlack(frame)) return frame;
    const known = { ...job, facts };
    const visible = await this.#firstNotBlack(known);
    // The filter has no alpha.
    if (visible === undefined || frame.channels === 3) return visible ?? frame;
    const { timeSeconds } = visible;
    const whole = await onlyOne(this.#runner.run(known, seekTo(timeSeconds, toRgb(job.maxSide, facts))));
    return whole === undefined ? frame : { ...whole, timeSeconds };
  }

  async #firstNotBlack(job: Job & Known): Promise<Frame | undefined> {
    const { colours } = job.facts;
    const rgb = toRgb(job.maxSide, job.facts);
    // The filter looks at eight bits, to which HDR has to be mapped before.
    const looking = isHdr(colours) ? [...rgb, NOT_BLACK, "format=rgb24"] : [NOT_BLACK, ...rgb];
    const run = this.#runner.run(job, {
      input: ["-t", String(BLACK_SECONDS)],
      filters: [...looking, ONE_FRAME, TELL_TIME, FROM_ZERO],
      frames: 1,
    });
    const visible = await onlyOne(run);
    // When the search took too long, it is black as far as is known.
    if (await isInterrupted(run)) throw await run.failure();
    return visible;
  }

  /** The first frame, and what ffmpeg tells of the video meanwhile. */
  async #first(job: Job): Promise<{ frame: Frame; facts: VideoFacts }> {
    const known = await this.#recent.of(job.path);
    let run = await this.#runFirst(job, known);
    let frame = await onlyOne(run);
    if (known === undefined && run.log.facts !== undefined && matters(run.log.facts)) {
      run = await this.#runFirst(job, run.log.facts);
      frame = await onlyOne(run);
    }
    const facts = run.log.facts ?? known;
    if (frame === undefined || facts === undefined) throw await run.failure();
    if (known === undefined) await this.#recent.keep(job.path, facts);
    return { frame, facts };
  }

  async #runFirst(job: Job, facts: VideoFacts | undefined): Promise<Run> {
    if (facts !== undefined) await this.#requireRight(facts, job.signal);
    const filters = [ONE_FRAME, ...toRgb(job.maxSide, facts), TELL_TIME, FROM_ZERO];
    return this.#runner.run({ ...job, facts }, { filters, frames: 1 });
  }

  /** Frames spread over the length, without those that are the same as the one before. */
  async *#spread(job: Job, count: number): AsyncGenerator<Frame> {
    const facts = await this.#factsOf(job, "with its span");
    await this.#requireRight(facts, job.signal);
    const known = { ...job, facts };
    const spread = await this.#spreadOf(known);
    let last: Frame | undefined;
    for await (const frame of this.#at(known, spread, count)) {
      if (last !== undefined && isSame(last, frame)) continue;
      last = frame;
      yield frame;
    }
    // What is wrong with a video that cannot be decoded is told by this as well.
    if (last === undefined) yield (await this.#first(job)).frame;
  }

  /** Those in front of one that takes too long. */
  async *#at(job: Job & Known, spread: Spread | undefined, count: number): AsyncGenerator<Frame> {
    if (spread === undefined) return;
    const rgb = toRgb(job.maxSide, job.facts);
    const moments = momentsOf(spread, count);
    let inOnePass = isOnePass(job.facts, spread, count);
    for (let next = 0; next < count; ) {
      const [first] = moments.slice(next);
      const work = inOnePass || first === undefined ? onePass(spread, count, rgb, next) : seekTo(first, rgb);
      const run = this.#runner.run(job, work);
      let place = next;
      for await (const picture of run.pictures) yield { ...picture, timeSeconds: moments[place++] ?? 0 };
      const { by } = await run.ended();
      if (by === "timeout") return;
      if (by !== "exit") throw await run.failure();
      // Behind the end, and behind a cut, there is no frame.
      next = inOnePass ? count : next + 1;
      inOnePass ||= isBehindOthers(run.log.times, spread, count);
    }
  }

  /** Of a video that does not say how long it is, all is read for that, and nothing decoded. */
  async #spreadOf(job: Job & Known): Promise<Spread | undefined> {
    const { start, length } = job.facts.span ?? { start: 0, length: undefined };
    if (length !== undefined) return { start, length };
    const run = this.#runner.run(job, { filters: [], frames: 0, copies: true });
    await onlyOne(run);
    if (await isInterrupted(run)) throw await run.failure();
    const { reached } = run.log;
    return reached === undefined ? undefined : { start, length: Math.max(reached - start, 0.01) };
  }

  /** @throws UploadError what is wrong with the file */
  async #factsOf(job: Pick<Job, "path" | "signal">, wanted?: "with its span"): Promise<VideoFacts> {
    const recent = await this.#recent.of(job.path);
    if (recent !== undefined && (wanted === undefined || recent.span !== undefined)) return recent;
    await this.#binaries.require("ffprobePath", job.signal);
    const facts = readProbe(await this.#runner.ask(probeArguments(job.path), job));
    await this.#recent.keep(job.path, facts);
    return facts;
  }

  /**
   * @throws UploadError for colours that are not converted, and for alpha that the decoder is missing for: without it, what is not to
   *   be seen would be shown
   */
  async #requireRight({ codec, colours, alphaDecoder }: VideoFacts, signal: AbortSignal): Promise<void> {
    const coding = notConverted(colours);
    if (coding !== undefined) {
      const message = `The video has its colours coded as ${coding}, which ffmpeg would show wrongly: convert it to BT.709`;
      throw new UploadError(message, { code: "UNSUPPORTED_MEDIA" });
    }
    if (alphaDecoder === undefined || (await this.#binaries.hasDecoder(alphaDecoder, signal))) return;
    const message = `The video is transparent (${codec}), and this ffmpeg cannot tell where, because it has no decoder ${alphaDecoder}: install one that is built with libvpx, or name it by the option ffmpegPath of ffmpeg()`;
    throw new UploadError(message, { code: "UNSUPPORTED_MEDIA" });
  }
}

/** Whether a frame that was taken without knowing them may be another one, or has wrong colours or another size. */
function matters(facts: VideoFacts): boolean {
  const { stream, colours, alphaDecoder, pixelAspect } = facts;
  const isOtherColour = notConverted(colours) !== undefined || toSrgb(colours).length > 0;
  const isOtherSize = pixelAspect !== 1 && liesOnItsSide(facts);
  return stream > 0 || alphaDecoder !== undefined || isOtherColour || isOtherSize;
}

/** Of a run that gives one frame at most. */
async function onlyOne(run: Run): Promise<Frame | undefined> {
  let first: Picture | undefined;
  for await (const picture of run.pictures) first ??= picture;
  return first && { ...first, timeSeconds: Math.max(0, run.log.times[0] ?? 0) };
}

/** Whether it was ended before it could tell anything, and not for anything in the file. */
async function isInterrupted(run: Run): Promise<boolean> {
  const { by } = await run.ended();
  return by === "abort" || by === "close";
}

function toFrame({ pixels, width, height, channels, timeSeconds }: Frame): DecodedFrame {
  return { pixels, width, height, channels, timeSeconds: Math.round(timeSeconds * 1000) / 1000 };
}

function isSame(one: Picture, other: Picture): boolean {
  return one.width === other.width && Buffer.compare(one.pixels, other.pixels) === 0;
}
