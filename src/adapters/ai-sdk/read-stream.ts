import type { Usage } from "../../contracts/ai.js";
import type { AskRequest } from "../models/ask.js";
import { withUsage } from "../models/usage.js";
import { at } from "./at.js";
import { brokenAnswer, toldError, unreadable } from "./broken-answer.js";
import { RawSigns } from "./raw-signs.js";
import { type Answer, readFinishReason, readUsage, readWarnings } from "./read-answer.js";

/** More than any description has, in characters; the library refuses it then. A model that loops is not read for ever. */
const LONGEST_TEXT = 1_000_001;
/** How long the rest of a stream is read behind an error in it, in milliseconds: what was used up comes last. */
const REST_AFTER_ERROR_MS = 1000;

/**
 * Reads a stream of parts to its end.
 *
 * @param onText told of the characters so far, those of the reasoning included, and of the text
 * @throws the error in the stream, with `usage` where the stream tells of it; what has no `finish` was cut off
 */
export async function readStream(
  stream: ReadableStream<unknown>,
  signal: AbortSignal,
  onText: AskRequest["onText"],
): Promise<Answer> {
  const reader = stream.getReader();
  let text = "";
  let characters = 0;
  let finishReason: string | undefined;
  let usage: Usage = {};
  let warnings: readonly unknown[] = [];
  let failure: { readonly error: unknown } | undefined;
  let timer: NodeJS.Timeout | undefined;
  const raw = new RawSigns();
  const stop = () => void reader.cancel().catch(() => {});
  try {
    for (;;) {
      const { done, value: part } = await reader.read();
      if (done) break;
      const type = at(part, "type");
      if (type === "text-delta" || type === "reasoning-delta") {
        const delta = at(part, "delta");
        if (typeof delta !== "string") continue;
        characters += delta.length;
        if (type === "text-delta") text += delta;
        onText(characters, text);
        if (characters >= LONGEST_TEXT) {
          finishReason = "length";
          break;
        }
      } else if (type === "finish") {
        finishReason = readFinishReason(at(part, "finishReason"));
        usage = readUsage(at(part, "usage"));
      } else if (type === "stream-start") {
        warnings = readWarnings(at(part, "warnings"));
      } else if (type === "raw") {
        raw.read(at(part, "rawValue"));
      } else if (type === "error" && failure === undefined) {
        failure = { error: errorOf(at(part, "error")) };
        timer = setTimeout(stop, REST_AFTER_ERROR_MS);
      } else if (type === "abort") {
        signal.throwIfAborted();
        throw brokenAnswer("the provider aborted it");
      }
    }
  } catch (error) {
    // What the stream said of itself says more than that it broke off then.
    if (failure === undefined || signal.aborted) throw error;
  } finally {
    clearTimeout(timer);
    stop();
  }
  if (failure !== undefined) throw withUsage(failure.error, usage, signal);
  if (finishReason === undefined || isUnfinished(finishReason, characters, raw)) {
    signal.throwIfAborted();
    throw withUsage(brokenAnswer("the stream ended before its finish"), usage, signal);
  }
  if (raw.refused) finishReason = "content-filter";
  return { text, finishReason, usage, warnings };
}

/** In v2, a stream that was cut off, or was none at all, ends with the reason `unknown`, as one of a service's own wording does. */
function isUnfinished(finishReason: string, characters: number, raw: RawSigns): boolean {
  return finishReason === "unknown" && (characters === 0 || (raw.areThere && !raw.finished));
}

function errorOf(told: unknown): unknown {
  return told instanceof Error ? unreadable(told, "describe") : toldError(told);
}
