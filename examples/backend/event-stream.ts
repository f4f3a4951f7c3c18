import type { ServerResponse } from "node:http";
import type { UploadProgressEvent, UploadResult } from "upload-processor";
import { type View, viewOf } from "./uploads.js";

/** What became of an upload. */
export type Outcome = Pick<View, "id" | "status"> & Partial<View>;

export function outcomeOf(result: UploadResult): Outcome {
  if (result.status === "completed") return viewOf(result.upload);
  const { uploadId: id, status } = result;
  return status === "failed"
    ? { id, status, error: { code: result.error.code, message: result.error.message } }
    : { id, status };
}

/**
 * The open streams of server-sent events. A client that loses its stream connects again by itself, and so it has to close
 * it when it has seen enough.
 */
export class EventStreams {
  /** By response, the upload that is followed, or `undefined` for all of them. */
  readonly #open = new Map<ServerResponse, string | undefined>();

  /** @param heartbeatMs how often a stream shows that it is alive, because proxies close what is silent */
  constructor(private readonly heartbeatMs: number) {}

  open(response: ServerResponse, only?: string): void {
    response.writeHead(200, {
      "content-type": "text/event-stream",
      "cache-control": "no-store",
      "x-accel-buffering": "no", // or nginx collects events until it has enough of them
    });
    response.write(": connected\n\n");
    const heartbeat = setInterval(() => response.write(": alive\n\n"), this.heartbeatMs);
    this.#open.set(response, only);
    response.once("close", () => {
      clearInterval(heartbeat);
      this.#open.delete(response);
    });
  }

  progress({ uploadId: id, progress, stage, message }: UploadProgressEvent): void {
    for (const response of this.#followersOf(id)) {
      // Who reads slowly misses steps, instead of filling our memory with them.
      if (!response.writableNeedDrain) send(response, "progress", { id, progress, stage, message });
    }
  }

  settled(outcome: Outcome): void {
    for (const response of this.#followersOf(outcome.id)) this.tell(response, outcome);
  }

  /** A stream of one upload has nothing more to tell then, and ends. */
  tell(response: ServerResponse, outcome: Outcome): void {
    if (response.writableEnded) return;
    send(response, "settled", outcome);
    if (this.#open.get(response) !== undefined) response.end();
  }

  /** Ends all of them: a server does not close while connections are open. */
  end(): void {
    for (const response of this.#open.keys()) response.end();
  }

  *#followersOf(id: string): Generator<ServerResponse> {
    for (const [response, only] of this.#open) {
      if ((only === undefined || only === id) && !response.writableEnded) yield response;
    }
  }
}

function send(response: ServerResponse, event: string, data: object): void {
  response.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
}
