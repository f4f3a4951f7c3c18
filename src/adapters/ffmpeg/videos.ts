import type { DecodedFrame, FramesRequest, MediaProbe } from "../../contracts/decoder.js";
import { UploadError } from "../../errors.js";
import type { Binaries } from "./binaries.js";
import { isBlack } from "./black.js";
import { isHdr, probeOf, type VideoFacts } from "./facts.js";
import { FROM_ZERO, NOT_BLACK, ONE_FRAME, TELL_TIME, toRgb } from "./filters.js";
import type { Picture } from "./ppm.js";
import { probeArguments, readProbe } from "./probe.js";
import type { RecentFacts } from "./recent-facts.js";
import type { Job, Run, Runner } from "./runner.js";
import { isOnePass, momentsOf, onePass, seekTo } from "./spread.js";

/** How far a frame that is not black is looked for, in seconds of the video. */
const BLACK_SECONDS = 120;

interface Frame extends Picture {
  readonly timeSeconds: number;
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
    const rgb = toRgb(job.maxSide, facts.colours);
    // The filter looks at eight bits, to which HDR has to be mapped before.
    const looking = isHdr(facts.colours) ? [...rgb.slice(0, -1), NOT_BLACK, "format=rgb24"] : [NOT_BLACK, ...rgb];
    const run = this.#runner.run(job, {
      input: ["-t", String(BLACK_SECONDS)],
      filters: [...looking, ONE_FRAME, TELL_TIME, FROM_ZERO],
      frames: 1,
    });
    const visible = await onlyOne(run);
    // When the search took too long, it is black as far as is known.
    if (await isInterrupted(run)) throw await run.failure();
    return visible ?? frame;
  }

  /** The first frame, and what ffmpeg tells of the video meanwhile. */
  async #first(job: Job): Promise<{ frame: Frame; facts: VideoFacts }> {
    const known = await this.#recent.of(job.path);
    let run = await this.#runFirst(job, known);
    let frame = await onlyOne(run);
    if (known === undefined && run.log.facts !== undefined && isHdr(run.log.facts.colours)) {
      run = await this.#runFirst(job, run.log.facts);
      frame = await onlyOne(run);
    }
    const facts = run.log.facts ?? known;
    if (frame === undefined || facts === undefined) throw await run.failure();
    if (known === undefined) await this.#recent.keep(job.path, facts);
    return { frame, facts };
  }

  async #runFirst(job: Job, facts: VideoFacts | undefined): Promise<Run> {
    if (facts !== undefined) await this.#requireToneMapping(facts, job.signal);
    const filters = [ONE_FRAME, ...toRgb(job.maxSide, facts?.colours), TELL_TIME, FROM_ZERO];
    return this.#runner.run(job, { filters, frames: 1 });
  }

  /** Frames spread over the length, without those that are the same as the one before. */
  async *#spread(job: Job, count: number): AsyncGenerator<Frame> {
    const facts = await this.#factsOf(job);
    await this.#requireToneMapping(facts, job.signal);
    const duration = facts.duration ?? (await this.#measure(job));
    let last: Frame | undefined;
    for await (const frame of this.#at(job, facts, duration, count)) {
      if (last !== undefined && isSame(last, frame)) continue;
      last = frame;
      yield frame;
    }
    // What is wrong with a video that cannot be decoded is told by this as well.
    if (last === undefined) yield (await this.#first(job)).frame;
  }

  async *#at(job: Job, facts: VideoFacts, duration: number | undefined, count: number): AsyncGenerator<Frame> {
    if (duration === undefined) return;
    const rgb = toRgb(job.maxSide, facts.colours);
    const moments = momentsOf(duration, count);
    const works = isOnePass(facts, duration, count)
      ? [onePass(duration, count, rgb)]
      : moments.map((seconds) => seekTo(seconds, rgb));
    for (const [index, work] of works.entries()) {
      const run = this.#runner.run(job, work);
      let place = index;
      for await (const picture of run.pictures) yield { ...picture, timeSeconds: moments[place++] ?? 0 };
      // Behind the end, and behind a cut, there is no frame.
      if ((await run.ended()).by !== "exit") throw await run.failure();
    }
  }

  /** How long a video is that does not say it: all of it is read for that, and nothing decoded. In seconds. */
  async #measure(job: Job): Promise<number | undefined> {
    const run = this.#runner.run(job, { filters: [], frames: 0, copies: true });
    await onlyOne(run);
    if (await isInterrupted(run)) throw await run.failure();
    return run.log.reached;
  }

  /** @throws UploadError what is wrong with the file */
  async #factsOf(job: Pick<Job, "path" | "signal">): Promise<VideoFacts> {
    const recent = await this.#recent.of(job.path);
    if (recent !== undefined) return recent;
    await this.#binaries.require("ffprobePath", job.signal);
    const facts = readProbe(await this.#runner.ask(probeArguments(job.path), job));
    await this.#recent.keep(job.path, facts);
    return facts;
  }

  /** @throws UploadError for HDR where the filters are missing: without them its colours would be wrong */
  async #requireToneMapping({ colours }: VideoFacts, signal: AbortSignal): Promise<void> {
    if (!isHdr(colours) || (await this.#binaries.canToneMap(signal))) return;
    const message = `The video is HDR (${colours.transfer}), and this ffmpeg cannot map it to sRGB, because it has no filter zscale: install one that is built with libzimg, or name it by the option ffmpegPath of ffmpeg()`;
    throw new UploadError(message, { code: "UNSUPPORTED_MEDIA" });
  }
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

function toFrame({ pixels, width, height, timeSeconds }: Frame): DecodedFrame {
  return { pixels, width, height, channels: 3, timeSeconds: Math.round(timeSeconds * 1000) / 1000 };
}

function isSame(one: Picture, other: Picture): boolean {
  return one.width === other.width && Buffer.compare(one.pixels, other.pixels) === 0;
}
