import type { Description, Usage, VisionFrame } from "../../contracts/ai.js";
import { type Asking, seconds } from "./ask.js";
import { textProgress } from "./text-progress.js";
import { addUsage, usageOfError, withImages, withUsage } from "./usage.js";

/** What the model said of each frame, by the frame's time and size. */
export type FrameNotes = Map<string, string>;

/** Frame by frame, and then a description of the whole in words. What is noted already is not asked again. */
export async function describeVideo(
  asking: Asking,
  frames: readonly VisionFrame[],
  notes: FrameNotes,
): Promise<Description> {
  const { instruction, context, ask } = asking;
  const { signal } = context;
  const steps = frames.length + 1;
  let usage: Usage = { requests: 0 };
  let step = 0;

  const question = async (prompt: string, images: readonly VisionFrame[]): Promise<Description> => {
    signal.throwIfAborted();
    // What is said of one frame is no description of the video.
    const reportText = asking.reportText && images.length === 0;
    const onText = textProgress(context.reportProgress, { from: step / steps, to: (step + 1) / steps, reportText });
    try {
      const answer = await ask({ images, prompt, signal, ask: context.ask ?? 1, context, onText });
      usage = addUsage(usage, counted(withImages(answer.usage, images.length)));
      return answer;
    } catch (error) {
      usage = addUsage(usage, counted(usageOfError(error)));
      throw error;
    }
  };

  try {
    let last: Description | undefined;
    for (const [index, frame] of frames.entries()) {
      step = index;
      const key = keyOf(frame);
      if (!notes.has(key)) {
        last = await question(promptOfFrame(instruction, frame), [frame]);
        // One frame that the model declines is content that it declines: nothing more is paid for.
        if (last.finish === "refused") return { ...last, prompt: instruction, usage };
        if (last.text.trim() !== "") notes.set(key, last.text.trim());
      }
      context.reportProgress((index + 1) / steps);
    }
    step = frames.length;
    const told = frames.filter((frame) => notes.has(keyOf(frame)));
    // No frame has an answer: the last one says why (cut off, or empty).
    if (told.length === 0) return { text: "", ...last, prompt: instruction, usage };
    const answer = await question(promptOfWhole(instruction, told, notes), []);
    // Without the notes: a description of the whole repeats them, which is no echo.
    return { ...answer, prompt: instruction, usage };
  } catch (error) {
    throw usage.requests === 0 ? error : withUsage(error, usage, signal);
  }
}

/** A call counts itself where the adapter does not say how many it made. */
function counted(usage: Usage): Usage {
  return usage.requests === undefined ? { ...usage, requests: 1 } : usage;
}

function keyOf({ timeSeconds, width, height }: VisionFrame): string {
  return `${timeSeconds} ${width}x${height}`;
}

function promptOfFrame(instruction: string, { timeSeconds }: VisionFrame): string {
  return `${instruction}\n\nThe picture is one still frame of the video, taken at ${seconds(timeSeconds)} s. Describe this frame.`;
}

function promptOfWhole(instruction: string, frames: readonly VisionFrame[], notes: FrameNotes): string {
  const lines = frames.map((frame) => `At ${seconds(frame.timeSeconds)} s: ${notes.get(keyOf(frame))}`);
  return `${instruction}\n\nYou cannot see the video. Below is what its still frames show, in their order. Describe the video as a whole, not its frames one by one.\n\n${lines.join("\n\n")}`;
}
