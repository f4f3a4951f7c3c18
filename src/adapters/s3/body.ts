import { addAbortSignal, finished, Readable, Transform } from "node:stream";
import type { ReadableStream } from "node:stream/web";
import { ConfigurationError, type UploadError } from "../../errors.js";
import { type S3Call, s3Error } from "./errors.js";

/** What of an answer to GetObject is looked at. */
export interface S3Object {
  readonly Body?: unknown;
  /** In bytes. */
  readonly ContentLength?: number | undefined;
}

/**
 * The content of an object, as it comes in. It fails when the connection is lost, also where that looks like an end, and when
 * the signal is aborted; then, and when it is destroyed, the connection is closed.
 */
export function streamOf({ Body, ContentLength }: S3Object, call: S3Call, signal: AbortSignal): Readable {
  const body = nodeStream(Body);
  let bytes = 0;
  const content = new Transform({
    transform(chunk: Uint8Array, _, done) {
      bytes += chunk.byteLength;
      done(null, chunk);
    },
    flush(done) {
      done(ContentLength === undefined || bytes >= ContentLength ? null : cutOff(bytes, ContentLength, call));
    },
  });
  finished(body, { writable: false }, (error) => {
    if (error) content.destroy(signal.aborted ? (signal.reason as Error) : s3Error(error, call));
  });
  content.once("close", () => body.destroy());
  addAbortSignal(signal, content);
  return body.pipe(content);
}

/** With handlers of its own, as that of `fetch`, the SDK answers with a stream of the web. */
function nodeStream(body: unknown): Readable {
  if (body instanceof Readable) return body;
  const stream = (body ?? {}) as Partial<Record<"pipe" | "getReader", unknown>>;
  if (typeof stream.pipe === "function") return body as Readable;
  if (typeof stream.getReader === "function") return Readable.fromWeb(body as ReadableStream);
  throw new ConfigurationError(`s3Storage: expected the client to answer a stream as Body, got ${typeof body}`);
}

function cutOff(bytes: number, length: number, call: S3Call): UploadError {
  const message = `it ended after ${bytes} of ${length} bytes`;
  return s3Error(Object.assign(new Error(message), { name: "CutOff", code: "ERR_STREAM_PREMATURE_CLOSE" }), call);
}
