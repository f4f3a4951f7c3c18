import { messageOf } from "../../errors.js";
import { type Asked, unusable } from "./failures.js";
import { requireJson } from "./json.js";

/** In characters; a line holds some words. */
const LONGEST_LINE = 1_000_000;
/** How long the end of a stream is waited for whose last line has come, so that its connection can be used again. */
const END_MS = 200;

/**
 * The lines of a streamed answer, each of them checked: an error in the stream, a line that is no JSON, and a stream that ends
 * before it is done, are errors of the stream.
 */
export async function* checkedLines(
  body: ReadableStream<Uint8Array>,
  asked: Asked,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const encoder = new TextEncoder();
  const reader = body.getReader();
  for await (const line of linesOf(reader, asked, signal)) {
    // The client takes the mere name of the field for an error.
    const { error, ...answer } = requireJson(line, asked);
    const { done } = answer;
    if (done === true) await endOf(reader);
    yield encoder.encode(`${error === undefined ? line : JSON.stringify(answer)}\n`);
    if (done === true) return;
  }
  throw unusable(asked, "broke off its answer before it was done");
}

type Reader = ReadableStreamDefaultReader<Uint8Array>;

/** Without the empty ones. */
async function* linesOf(reader: Reader, asked: Asked, signal: AbortSignal): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for (;;) {
    const { done, value } = await next(reader, asked, signal);
    const lines = (rest + (done ? decoder.decode() : decoder.decode(value, { stream: true }))).split("\n");
    rest = done ? "" : (lines.pop() ?? "");
    yield* lines.filter((line) => line.trim() !== "");
    if (done) return;
    if (rest.length > LONGEST_LINE) throw unusable(asked, "answered with a line that does not end");
  }
}

async function next(reader: Reader, asked: Asked, signal: AbortSignal): ReturnType<Reader["read"]> {
  try {
    return await reader.read();
  } catch (error) {
    throw signal.aborted ? error : unusable(asked, `broke off its answer: ${messageOf(error)}`, error);
  }
}

async function endOf(reader: Reader): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, END_MS);
  });
  await Promise.race([reader.read().then(ignore, ignore), tooLate]);
  clearTimeout(timer);
}

const ignore = () => {};
