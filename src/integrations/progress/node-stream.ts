import type { IncomingMessage, ServerResponse } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { OpenStream } from "./hub.js";
import { MOST_BUFFERED, type Sink } from "./reader.js";
import { STREAM_HEADERS } from "./server-sent.js";

/** A request of Node as `subject` gets it: its URL and its headers. */
export function toRequest(request: IncomingMessage): Request {
  // Express changes `url` inside a router.
  const { originalUrl } = request as { originalUrl?: unknown };
  const path = typeof originalUrl === "string" ? originalUrl : (request.url ?? "/");
  const headers = new Headers();
  for (const [name, value] of Object.entries(request.headers)) {
    if (name.startsWith(":")) continue; // of HTTP/2
    for (const each of [value ?? []].flat()) headers.append(name, each);
  }
  const method = request.method === "GET" ? "GET" : "POST"; // which of the others does not matter, and some cannot be told
  return new Request(urlOf(path, request.headers.host ?? String(request.headers[":authority"] ?? "")), {
    method,
    headers,
  });
}

function urlOf(path: string, host: string): URL {
  // The host alone: one with a name and a password makes no request.
  const origin = URL.canParse(`http://${host}`) ? `http://${new URL(`http://${host}`).host}` : "http://localhost";
  // Put together, not resolved: `//other/` would be another host.
  return path.startsWith("/") && URL.canParse(origin + path) ? new URL(origin + path) : new URL("/", origin);
}

/** Sends a response that is no stream of ours. */
export async function sendResponse(response: ServerResponse, { status, headers, body }: Response): Promise<void> {
  response.statusCode = status;
  for (const [name, value] of headers) response.setHeader(name, name === "set-cookie" ? headers.getSetCookie() : value);
  if (body === null) response.end();
  else await pipeline(Readable.fromWeb(body as never), response);
}

/** Sends the stream as it comes, without the cost of web streams. */
export function sendStream(response: ServerResponse, begin: (sink: Sink) => OpenStream): void {
  if (response.destroyed) return; // the client has gone
  response.writeHead(200, STREAM_HEADERS);
  let stream: OpenStream | undefined;
  let buffered = 0;
  const sink: Sink = {
    get hasRoom() {
      return buffered < MOST_BUFFERED && !response.writableEnded && !response.destroyed;
    },
    write(bytes) {
      buffered += bytes.byteLength;
      response.write(bytes, () => {
        buffered -= bytes.byteLength;
        stream?.onRoom();
      });
    },
    end(isStuck) {
      if (isStuck) response.destroy();
      else response.end();
    },
  };
  // A client that goes while it is written to is no error of ours.
  response.on("error", () => {});
  response.once("close", () => stream?.leave());
  stream = begin(sink);
}
