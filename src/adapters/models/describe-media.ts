import type { Description, Media, StageContext, VisionImage } from "../../contracts/ai.js";
import { type Ask, type Asking, seconds } from "./ask.js";
import { type Prompt, promptFor, promptOfAsk } from "./prompt.js";
import { textProgress } from "./text-progress.js";
import { withImages } from "./usage.js";
import { describeVideo, type FrameNotes } from "./video.js";

export interface MediaDescriberOptions {
  readonly prompt: Prompt | undefined;
  /** How a video is described. @default "per-frame" */
  readonly video: "per-frame" | "one-call" | undefined;
  /** Whether the text is told while it is written. */
  readonly reportText?: boolean | undefined;
  readonly ask: Ask;
}

/**
 * What an adapter's `describe` is made of: it brings the media into the form that models take, and asks. Made once for each
 * adapter, because it remembers, for as long as the media live, which frames of a video the model has described.
 *
 * - An image is one question.
 * - A video `"per-frame"` is a question for each of up to 10 frames, one after the other, and one in words that makes a
 *   description of theirs. An attempt that fails keeps the frames that were described: they are not paid or counted again.
 * - A video `"one-call"` is one question with all of the frames.
 *
 * The answer's `usage` is that of all the questions of this call; so is `usage` of the error when a later question fails.
 */
export function mediaDescriber({ prompt, video, reportText = false, ask }: MediaDescriberOptions) {
  const notes = new WeakMap<Media, FrameNotes>();

  return async (media: Media, context: StageContext): Promise<Description> => {
    // Before the prompt is made: what is asked may depend on what is measured with it.
    const images = media.kind === "image" ? [await media.visionImage()] : await media.frames({ max: MOST_FRAMES });
    const instruction = promptOfAsk(await promptFor(media, prompt), context.ask ?? 1);
    const asking = { instruction, context, reportText, ask };
    if (media.kind === "image") return askOnce(asking, images, instruction);

    const frames = images as Awaited<ReturnType<Media["frames"]>>;
    if (video === "one-call" || frames.length <= 1) {
      const times = frames.map(({ timeSeconds }) => `${seconds(timeSeconds)} s`).join(", ");
      const about = `The pictures are still frames of one video, in their order, taken at ${times}.`;
      return askOnce(asking, frames, `${instruction}\n\n${about}`);
    }
    const known = notes.get(media) ?? new Map();
    notes.set(media, known);
    return describeVideo(asking, frames, known);
  };
}

/** Of a video, spread over its length. */
const MOST_FRAMES = 10;

async function askOnce(asking: Asking, images: readonly VisionImage[], prompt: string): Promise<Description> {
  const { context, reportText, ask } = asking;
  const onText = textProgress(context.reportProgress, { reportText });
  const answer = await ask({ images, prompt, signal: context.signal, ask: context.ask ?? 1, context, onText });
  return { ...answer, prompt, usage: withImages(answer.usage, images.length) };
}
