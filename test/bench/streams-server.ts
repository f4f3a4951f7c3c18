/** Tells many streams of events, by the library or by hand, as its parent says; prints nothing. */
import { createServer, type RequestListener, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setInterval, setTimeout } from "node:timers/promises";
import type { UploadEvent, WireEvent } from "../../src/index.js";
import { localChannel, memoryRepository, progressHandler, serializeEvent } from "./library.js";

export type Command =
  | { readonly publish: number; readonly everyMs: number }
  /** So many events, with little time between. Is answered with how many bytes are kept for the only stream. */
  | { readonly flood: number }
  | { readonly memory: true };

interface Side {
  readonly listener: RequestListener;
  readonly publish: (event: WireEvent) => void;
}

function byLibrary(): Side {
  const channel = localChannel();
  const repository = memoryRepository({ uploads: [], batches: [{ id: "batch", status: "processing" }] });
  const { node } = progressHandler({ channel, repository, subject: () => ({ batchId: "batch" }) });
  return { listener: node, publish: (event) => void channel.publish(event) };
}

function byHand(): Side {
  const open = new Set<ServerResponse>();
  return {
    listener(_, response) {
      response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
      response.write(": connected\n\n");
      open.add(response);
      response.once("close", () => open.delete(response));
    },
    publish(event) {
      const frame = `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;
      for (const response of open) response.write(frame);
    },
  };
}

/** What a worker publishes while a model writes its description; `at` tells when it was, to the microsecond. */
function eventOf(progress: number, at: number): WireEvent {
  const event = { type: "upload:progress", uploadId: "1", batchId: "batch", at, progress, stage: "describe" };
  const rest = { status: "analyzing", attempt: 1, fileName: "cat.jpg", fileSize: 1_000_000, estimated: false };
  return serializeEvent({ ...event, ...rest, message: "A cat asleep. ".repeat(30) } as UploadEvent);
}

const { listener, publish } = process.argv[2] === "library" ? byLibrary() : byHand();
let first: ServerResponse | undefined;
const server = createServer((request, response) => {
  first ??= response;
  listener(request, response);
});
server.keepAliveTimeout = 0;
server.listen(0, "127.0.0.1", () => process.send?.((server.address() as AddressInfo).port));

process.on("message", async (command: Command) => {
  if ("memory" in command) {
    globalThis.gc?.();
    const { heapUsed, external } = process.memoryUsage();
    process.send?.(heapUsed + external);
  } else if ("flood" in command) {
    for (let sent = 0; sent < command.flood; sent++) {
      publish(eventOf(0, 0));
      // The library sends what has come in 50 ms together, and of more than 200 a snapshot instead.
      if (sent % 100 === 0) await setTimeout(60);
    }
    process.send?.(first?.writableLength);
  } else {
    let published = 0;
    for await (const _ of setInterval(command.everyMs)) {
      publish(eventOf(published, performance.timeOrigin + performance.now()));
      if (++published === command.publish) break;
    }
  }
});
process.on("disconnect", () => process.exit());
