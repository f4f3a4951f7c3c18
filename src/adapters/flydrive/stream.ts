import { addAbortSignal, Readable } from "node:stream";
import { ConfigurationError } from "../../errors.js";
import type { FlydriveDisk } from "../flydrive.js";
import { isMissing } from "./errors.js";

/**
 * A stream of the disk's that has something to read, or has ended; `null` where there is no such object. Some drivers open it
 * only when it is read, so that what is missing is told by the stream. An abort destroys it, also later.
 *
 * @throws the signal's reason; what the disk or the stream fails with
 */
export async function openStream(disk: FlydriveDisk, key: string, signal: AbortSignal): Promise<Readable | null> {
  let stream: Readable | undefined;
  try {
    stream = readable(await disk.getStream(key));
    // A stream that fails while nobody reads it would end the process. Whoever reads it still gets the error.
    stream.on("error", () => {});
    if (signal.aborted) throw signal.reason;
    addAbortSignal(signal, stream);
    await untilReadable(stream);
    return stream;
  } catch (error) {
    stream?.destroy();
    if (signal.aborted) throw signal.reason;
    if (isMissing(error)) return null;
    throw error;
  }
}

function readable(stream: NodeJS.ReadableStream): Readable {
  if (stream instanceof Readable) return stream;
  if (typeof stream?.pipe !== "function")
    throw new ConfigurationError(`flydriveStorage: expected disk.getStream to answer a stream, got ${typeof stream}`);
  return new Readable().wrap(stream);
}

/** Nothing is taken from it. */
async function untilReadable(stream: Readable): Promise<void> {
  if (stream.readableLength > 0 || stream.readableEnded) return;
  await new Promise<void>((resolve, reject) => {
    const listeners = {
      readable: () => end(resolve),
      end: () => end(resolve),
      error: (error: Error) => end(() => reject(error)),
      close: () => end(() => reject(new Error("the stream was closed before it was read"))),
    };
    const end = (settle: () => void) => {
      for (const [event, listener] of Object.entries(listeners)) stream.off(event, listener);
      settle();
    };
    for (const [event, listener] of Object.entries(listeners)) stream.on(event, listener);
  });
}
