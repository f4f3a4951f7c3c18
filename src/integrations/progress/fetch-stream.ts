import type { OpenStream } from "./hub.js";
import { MOST_BUFFERED, type Sink } from "./reader.js";
import { STREAM_HEADERS } from "./server-sent.js";

/** The stream as a `Response`: for servers that speak fetch. */
export function streamResponse(begin: (sink: Sink) => OpenStream, signal: AbortSignal): Response {
  let stream: OpenStream | undefined;
  const leave = () => {
    signal.removeEventListener("abort", end);
    stream?.leave();
  };
  let sink: Sink | undefined;
  const end = () => sink?.end(false);
  const body = new ReadableStream<Uint8Array>(
    {
      start(controller) {
        sink = sinkOf(controller, leave);
        if (signal.aborted) return end(); // it has gone meanwhile
        // Not every server cancels the body when its client goes.
        signal.addEventListener("abort", end, { once: true });
        stream = begin(sink);
      },
      pull: () => stream?.onRoom(),
      cancel: leave,
    },
    { highWaterMark: MOST_BUFFERED, size: (chunk) => chunk.byteLength },
  );
  return new Response(body, { headers: STREAM_HEADERS });
}

function sinkOf(controller: ReadableStreamDefaultController<Uint8Array>, leave: () => void): Sink {
  let isEnded = false;
  return {
    get hasRoom() {
      return !isEnded && (controller.desiredSize ?? 0) > 0;
    },
    write(bytes) {
      controller.enqueue(bytes);
    },
    end(isStuck) {
      if (isEnded) return;
      isEnded = true;
      // An error throws away what waits to be read.
      if (isStuck) controller.error(new Error("The stream is not read"));
      else controller.close();
      leave();
    },
  };
}
