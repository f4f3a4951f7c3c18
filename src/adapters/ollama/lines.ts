import { messageOf } from "../../errors.js";
import { requireJson } from "./checked-fetch.js";
import { type Asked, refusalOf, unusable } from "./failures.js";

/** In characters; a line holds some words. */
const LONGEST_LINE = 1_000_000;
/** How long the end of a stream is waited for whose last line has come, so that its connection can be used again. */
const END_MS = 200;

/**
 * The lines of a streamed answer, each of them checked: an error in the stream, a line that is no JSON, and a stream that ends
 * before it is done, are errors of the stream.
 */
export function checkedLines(
  body: ReadableStream<Uint8Array>,
  asked: Asked,
  signal: AbortSignal,
): ReadableStream<Uint8Array> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  const encoder = new TextEncoder();
  let rest = "";

  /** The lines that are whole by now, without empty ones; `isDone` when the last of all is among them. */
  function take(text: string, isEnd: boolean): { readonly lines: string; readonly isDone: boolean } {
    const lines = (rest + text).split("\n");
    rest = isEnd ? "" : (lines.pop() ?? "");
    if (rest.length > LONGEST_LINE) throw unusable(asked, "answered with a line that does not end");
    const whole = lines.filter((line) => line.trim() !== "");
    const isDone = whole.map((line) => isLast(line, asked)).includes(true);
    return { lines: whole.map((line) => `${line}\n`).join(""), isDone };
  }

  async function next(): Promise<ReadableStreamReadResult<Uint8Array>> {
    try {
      return await reader.read();
    } catch (error) {
      throw signal.aborted ? error : unusable(asked, `broke off its answer: ${messageOf(error)}`, error);
    }
  }

  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      for (;;) {
        const { done, value } = await next();
        const { lines, isDone } = take(done ? decoder.decode() : decoder.decode(value, { stream: true }), done);
        if (done && !isDone) throw unusable(asked, "broke off its answer before it was done");
        if (lines !== "") controller.enqueue(encoder.encode(lines));
        if (isDone) {
          if (!done) await endOf(reader);
          return controller.close();
        }
        if (lines !== "") return;
      }
    },
    cancel(reason) {
      return reader.cancel(reason);
    },
  });
}

/** @throws UploadError for an error, and for what is no line of Ollama's */
function isLast(line: string, asked: Asked): boolean {
  const { error, status, done } = Object(requireJson(line, asked));
  if (error !== undefined)
    throw refusalOf(asked, { text: String(error), status: typeof status === "number" ? status : undefined });
  return done === true;
}

async function endOf(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, END_MS);
  });
  await Promise.race([reader.read().then(ignore, ignore), tooLate]);
  clearTimeout(timer);
}

const ignore = () => {};
