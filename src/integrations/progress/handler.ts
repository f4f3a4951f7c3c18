import type { IncomingMessage, ServerResponse } from "node:http";
import type { UploadRecord } from "../../index.js";
import { answer } from "./answer.js";
import { streamResponse } from "./fetch-stream.js";
import { Hub } from "./hub.js";
import { sendResponse, sendStream, toRequest } from "./node-stream.js";
import { type ProgressHandlerOptions, readOptions, type Settings } from "./options.js";
import { logSafely } from "./outage-log.js";

export interface ProgressHandler {
  /** For servers that speak fetch. Rejects with whatever `subject` throws. */
  readonly fetch: (request: Request) => Promise<Response>;
  /** For `node:http`, Express and the like. What `subject` throws is answered with 500, and the logger is told. */
  readonly node: (request: IncomingMessage, response: ServerResponse) => void;
  /** Ends all streams and the subscription; further requests get 503. Clients come back by themselves. */
  close(): Promise<void>;
}

/**
 * Tells browsers how far a batch or an upload is, by server-sent events, for `watchProgress` or an `EventSource`.
 *
 * - A stream begins with a snapshot, read from the repository: what was published before is in it. Then come the events of the
 *   subject, each under its type and with an id, and a new snapshot whenever the counts have changed, at most once a second.
 * - A client that comes back with `Last-Event-ID` gets what it has missed; a snapshot where that is not known any more.
 * - With `Accept: application/json` the snapshot alone is answered, for clients that poll.
 * - Who reads slowly holds nobody up: more than 64 kB is not kept for a stream, it gets a snapshot instead when it reads again.
 * - There is one subscription, and one read of the repository for all who watch the same. A heartbeat finds what a channel has lost.
 *
 * @throws ConfigurationError an option that is unknown, or not what it should be
 * @example
 * const progress = progressHandler({
 *   channel,
 *   repository,
 *   subject: async (request) => {
 *     const user = await userOf(request);
 *     const batch = await repository.findBatch(new URL(request.url).searchParams.get("batch") ?? "");
 *     return batch?.userId === user.id ? { batchId: batch.id } : null;
 *   },
 * });
 * http.createServer(progress.node).listen(3000);
 */
export function progressHandler<U extends UploadRecord>(options: ProgressHandlerOptions<U>): ProgressHandler {
  const settings: Settings = readOptions(options);
  const hub = new Hub(settings);

  async function fetch(request: Request): Promise<Response> {
    const answered = await answer(request, hub, settings);
    return "response" in answered ? answered.response : streamResponse(answered.begin, request.signal);
  }

  async function respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const answered = await answer(toRequest(request), hub, settings);
    if ("response" in answered) await sendResponse(response, answered.response);
    else sendStream(response, answered.begin);
  }

  return {
    fetch,
    node(request, response) {
      respond(request, response).catch((error: unknown) => {
        if (response.destroyed) return; // the client has gone
        logSafely(() => settings.logger?.error({ error }, "a request for progress failed"));
        if (response.headersSent) response.destroy();
        else response.writeHead(500).end();
      });
    },
    close: () => hub.close(),
  };
}
