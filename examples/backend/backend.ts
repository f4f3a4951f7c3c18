import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import {
  type AIAdapter,
  BatchProcessor,
  type BatchRepositoryAdapter,
  derivedKeys,
  type StorageAdapter,
  type UploadRecord,
} from "upload-processor";
import { fileStorage } from "upload-processor/fs";
import { EventStreams, outcomeOf } from "./event-stream.js";
import { HttpError, sendError, sendJson, sendObject, sendPage } from "./http.js";
import { receiveOriginal } from "./receive.js";
import { openUploads, viewOf } from "./uploads.js";

/** Both `postgresRepository` and `memoryRepository` fit. */
export interface UploadRepository<U extends UploadRecord> extends BatchRepositoryAdapter<U> {
  readonly addUploads: (uploads: readonly UploadRecord[]) => Promise<void>;
  readonly deleteUpload: (id: string) => Promise<U | null>;
}

export interface BackendOptions<U extends UploadRecord> {
  /** Where originals and thumbnails are kept. */
  readonly folder: string;
  readonly repository: UploadRepository<U>;
  readonly ai: AIAdapter<NoInfer<U>>;
  /** The largest upload, in bytes. @default 20 MiB */
  readonly maxBytes?: number;
  /** How often an event stream shows that it is alive: proxies close what is silent. In milliseconds. @default 15000 */
  readonly heartbeatMs?: number;
}

export interface Backend {
  readonly server: Server;
  /** Continues what an earlier process left unfinished. Resolves when that is done; requests need not wait for it. */
  readonly recover: () => Promise<void>;
  /** Takes no more requests, lets what is in work end or hands it back, and ends. */
  readonly close: () => Promise<void>;
}

type Handler = (request: IncomingMessage, response: ServerResponse, id: string) => Promise<void>;

/**
 * Takes photos, processes them, and tells how far it is:
 *
 * - `GET /` a page to try it
 * - `POST /uploads` the photo as the body, its type as `content-type`, its name, percent-encoded, as `x-file-name`
 * - `GET /uploads/:id` what is known of it, `DELETE /uploads/:id` removes it, also while it is in work
 * - `GET /thumbnails/:id` its thumbnail
 * - `GET /events`, `GET /uploads/:id/events` server-sent events: `progress` and `settled`
 */
export function createBackend<U extends UploadRecord>(options: BackendOptions<U>): Backend {
  const { folder, repository, ai, maxBytes = 20 * 1024 * 1024, heartbeatMs = 15_000 } = options;
  const storage: StorageAdapter = fileStorage(folder);
  const thumbnailKey = ({ id }: UploadRecord) => `thumbnails/${id}.jpg`;
  const processor = new BatchProcessor<U>({
    storage,
    ai,
    repository,
    thumbnail: { key: thumbnailKey },
    input: { maxBytes },
  });
  const streams = new EventStreams(heartbeatMs);
  processor.on("upload:progress", (event) => streams.progress(event));
  processor.on("upload:settled", (result) => streams.settled(outcomeOf(result)));

  async function find(id: string): Promise<U> {
    const upload = await repository.findUpload(id);
    if (upload === null) throw new HttpError(404, "There is no such upload");
    return upload;
  }

  /** Not awaited by the request: an upload takes as long as the model does, and its outcome is in the repository. */
  async function work(uploads: Iterable<string> | AsyncIterable<U>): Promise<void> {
    try {
      const { error } = await processor.processUploads(uploads);
      if (error) throw error;
    } catch (error) {
      // It stays open, and the next start takes it up: the repository is down, or this process is about to end.
      console.error("Uploads are left for the next start:", error);
    }
  }

  // Who may do what is yours to add.
  const routes: readonly (readonly [method: string, path: RegExp, handler: Handler])[] = [
    ["GET", /^\/$/, async (_, response) => sendPage(response)],
    ["POST", /^\/uploads$/, postUpload],
    ["GET", /^\/uploads\/([\w-]+)$/, async (_, response, id) => sendJson(response, 200, viewOf(await find(id)))],
    ["DELETE", /^\/uploads\/([\w-]+)$/, deleteUpload],
    ["GET", /^\/uploads\/([\w-]+)\/events$/, followUpload],
    ["GET", /^\/events$/, async (_, response) => streams.open(response)],
    ["GET", /^\/thumbnails\/([\w-]+)$/, getThumbnail],
  ];

  async function postUpload(request: IncomingMessage, response: ServerResponse): Promise<void> {
    // The original before its row: a row without its original would fail, an original without a row is only waste.
    const upload = await receiveOriginal(request, folder, maxBytes);
    await repository.addUploads([upload]);
    sendJson(response, 201, viewOf(upload), { location: `/uploads/${upload.id}` });
    void work([upload.id]);
  }

  async function deleteUpload(_: IncomingMessage, response: ServerResponse, id: string): Promise<void> {
    // The row first: then the work that is aborted finds it gone, and removes what it has just written.
    const upload = await repository.deleteUpload(id);
    if (upload === null) throw new HttpError(404, "There is no such upload");
    processor.abortUpload(id);
    // The last one is not recorded yet when a process was killed after writing it.
    for (const key of new Set([...derivedKeys(upload), thumbnailKey(upload)])) await storage.delete(key);
    await storage.delete(upload.storageKey);
    response.writeHead(204).end();
  }

  async function followUpload(_: IncomingMessage, response: ServerResponse, id: string): Promise<void> {
    await find(id);
    streams.open(response, id);
    // Once more, now that it is followed: what was settled before would never be told.
    const upload = await repository.findUpload(id);
    if (upload === null) streams.tell(response, { id, status: "deleted" });
    else if (upload.status === "completed" || upload.status === "failed") streams.tell(response, viewOf(upload));
  }

  async function getThumbnail(_: IncomingMessage, response: ServerResponse, id: string): Promise<void> {
    const { thumbnailKey: key } = await find(id);
    if (!key) throw new HttpError(404, "There is no thumbnail yet");
    await sendObject(response, storage, key, "image/jpeg");
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = (request.url ?? "").split("?", 1).join();
    const matching = routes.filter(([, pattern]) => pattern.test(path));
    const [, pattern, handler] = matching.find(([method]) => method === request.method) ?? [];
    if (matching.length === 0) throw new HttpError(404, "There is nothing here");
    if (pattern === undefined || handler === undefined) throw new HttpError(405, "It does not take this method");
    await handler(request, response, pattern.exec(path)?.[1] ?? "");
  }

  const server = createServer((request, response) => {
    answer(request, response).catch((error) => sendError(request, response, error));
  });

  return {
    server,
    recover: () => work(openUploads(repository)),
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      await processor.close({ graceMs: 10_000 });
      streams.end();
      // Browsers keep connections open, and some clients never end what they send.
      const impatience = setTimeout(() => server.closeAllConnections(), 1000);
      await closed;
      clearTimeout(impatience);
    },
  };
}
