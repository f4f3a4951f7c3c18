import { createReadStream } from "node:fs";
import { readFile } from "node:fs/promises";
import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { StorageAdapter } from "upload-processor";

/** An error that the client is to know of. */
export class HttpError extends Error {
  override readonly name = "HttpError";
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

export function sendJson(response: ServerResponse, status: number, body: unknown, headers?: OutgoingHttpHeaders): void {
  response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(body));
}

export function sendError(request: IncomingMessage, response: ServerResponse, error: unknown): void {
  if (request.errored) return; // the client has gone
  const known = error instanceof HttpError;
  if (!known) console.error(`${request.method} ${request.url}:`, error);
  if (response.headersSent) {
    response.destroy(); // half an answer must not look like a whole one
    return;
  }
  // Whoever still sends does not listen yet. Node gives up after the server's requestTimeout.
  request.resume();
  sendJson(response, known ? error.status : 500, { error: known ? error.message : "Something went wrong" });
}

/** Sends what the storage has under a key, in whichever way it opens it. */
export async function sendObject(
  response: ServerResponse,
  storage: StorageAdapter,
  key: string,
  contentType: string,
): Promise<void> {
  const controller = new AbortController();
  response.once("close", () => controller.abort());
  const opened = await storage.open(key, { signal: controller.signal });
  if (opened === null) throw new HttpError(404, "It is gone");
  try {
    response.writeHead(200, { "content-type": contentType, "cache-control": "private, max-age=3600" });
    await pipeline(streamOf(opened), response);
  } finally {
    await opened.release?.();
  }
}

function streamOf(opened: NonNullable<Awaited<ReturnType<StorageAdapter["open"]>>>): Readable {
  if ("path" in opened) return createReadStream(opened.path);
  return "stream" in opened ? opened.stream : Readable.from([opened.bytes]);
}

export async function sendFile(
  response: ServerResponse,
  path: URL,
  contentType: string,
  headers?: OutgoingHttpHeaders,
): Promise<void> {
  const body = await readFile(path);
  response.writeHead(200, { "content-type": contentType, "cache-control": "no-cache", ...headers }).end(body);
}
