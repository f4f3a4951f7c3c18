import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { derivedKeys, type StorageAdapter, settleBatch } from "upload-processor";
import type { PostgresRepository, PostgresUpload } from "upload-processor/postgres";
import { type Channel, progressHandler } from "upload-processor/progress";
import { HttpError, sendError, sendFile, sendJson, sendObject } from "./http.js";
import type { UploadJobs } from "./jobs.js";
import { uploadsOf } from "./pages.js";
import { receiveOriginal } from "./receive.js";
import { MAX_BYTES, thumbnailKey, type View, viewOf } from "./uploads.js";
import { inboxOf, newSession, userOf } from "./user.js";

export interface ApiOptions {
  /** Where originals are received, and the storage over it, which the workers share. */
  readonly folder: string;
  readonly storage: StorageAdapter;
  readonly repository: PostgresRepository;
  readonly jobs: UploadJobs;
  readonly channel: Channel;
  /** In bytes. @default 20 MiB */
  readonly maxBytes?: number;
}

export interface Api {
  readonly server: Server;
  /** Takes no more requests, ends those that there are, and the streams. */
  readonly close: () => Promise<void>;
}

interface Call {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly user: string;
  /** Of the upload, where the path has one. */
  readonly id: string;
}

type Handler = (call: Call) => Promise<void>;

const PAGE = new URL("page.html", import.meta.url);

/**
 * Receives photos, hands them to the workers as jobs, and tells how far they are. A user sees their own uploads alone.
 *
 * - `GET /` the page, and a session for who has none
 * - `POST /uploads` the photo as the body, its type as `content-type`, its name, percent-encoded, as `x-file-name`
 * - `GET /uploads` all uploads, and the batch that they belong to; `GET /uploads/:id` one of them
 * - `DELETE /uploads/:id` removes it, also while it is in work
 * - `POST /uploads/:id/retry` tries a failed one again, `POST /uploads/retry` all that failed
 * - `GET /thumbnails/:id` its thumbnail
 * - `GET /progress?batch=…` server-sent events for `watchProgress`
 */
export function createApi({ folder, storage, repository, jobs, channel, maxBytes = MAX_BYTES }: ApiOptions): Api {
  const progress = progressHandler({
    channel,
    repository,
    async subject(request) {
      const user = userOf(request.headers.get("cookie"));
      if (user === null) return new Response(null, { status: 401 });
      const batch = await repository.findBatch(new URL(request.url).searchParams.get("batch") ?? "");
      // The same for a batch of others and one that is not there: who may not see it is not told which it is.
      return batch?.userId === user ? { batchId: batch.id } : new Response(null, { status: 403 });
    },
    logger: console,
  });

  const open: Readonly<Record<string, (request: IncomingMessage, response: ServerResponse) => Promise<void> | void>> = {
    "/": (request, response) => {
      const session = userOf(request.headers.cookie) === null ? { "set-cookie": newSession() } : {};
      return sendFile(response, PAGE, "text/html; charset=utf-8", session);
    },
    "/progress-client.js": (_, response) =>
      sendFile(response, new URL(import.meta.resolve("upload-processor/progress-client")), "text/javascript"),
    "/progress": progress.node,
  };

  const routes: readonly (readonly [method: string, path: RegExp, handler: Handler])[] = [
    ["GET", /^\/uploads$/, listUploads],
    ["POST", /^\/uploads$/, postUpload],
    ["POST", /^\/uploads\/retry$/, retryAll],
    ["GET", /^\/uploads\/([\w-]+)$/, async (call) => sendJson(call.response, 200, viewOf(await find(call)))],
    ["DELETE", /^\/uploads\/([\w-]+)$/, deleteUpload],
    ["POST", /^\/uploads\/([\w-]+)\/retry$/, retryUpload],
    ["GET", /^\/thumbnails\/([\w-]+)$/, getThumbnail],
  ];

  /** Of others one is told no more than of those that are not there. */
  async function find({ id, user }: Call): Promise<PostgresUpload> {
    const upload = await repository.findUpload(id);
    if (upload?.userId !== user) throw new HttpError(404, "There is no such upload");
    return upload;
  }

  async function listUploads({ user, response }: Call): Promise<void> {
    const batch = await openInbox(user);
    const uploads: View[] = [];
    for await (const page of uploadsOf(repository, { batchId: batch })) uploads.push(...page.map(viewOf));
    sendJson(response, 200, { batch, uploads });
  }

  async function openInbox(user: string): Promise<string> {
    const id = inboxOf(user);
    if ((await repository.findBatch(id)) !== null) return id;
    await repository.addBatch({ id, userId: user }).catch(async (error: unknown) => {
      // Another request of the same user may have been faster.
      if ((await repository.findBatch(id)) === null) throw error;
    });
    return id;
  }

  async function postUpload({ request, response, user }: Call): Promise<void> {
    // The original before its row: a row without its original would fail, an original without a row is only waste.
    const received = await receiveOriginal(request, folder, maxBytes);
    const batchId = await openInbox(user);
    const upload = { ...received, batchId, userId: user };
    await repository.addUploads([upload]);
    // The last one may have been completed: so this one begins it again.
    await repository.updateBatch(batchId, { status: "processing" }, ["pending", "completed", "failed"]);
    await jobs.enqueue([upload]);
    sendJson(response, 201, viewOf(upload), { location: `/uploads/${upload.id}` });
  }

  async function retryUpload(call: Call): Promise<void> {
    const upload = await find(call);
    if (upload.status !== "failed") throw new HttpError(409, "It has not failed");
    await jobs.tryAgain([upload]);
    sendJson(call.response, 202, viewOf({ ...upload, status: "pending" }));
  }

  async function retryAll({ user, response }: Call): Promise<void> {
    let retried = 0;
    for await (const page of uploadsOf(repository, { batchId: inboxOf(user), statuses: ["failed"] })) {
      await jobs.tryAgain(page);
      retried += page.length;
    }
    sendJson(response, 202, { retried });
  }

  async function deleteUpload(call: Call): Promise<void> {
    const { id } = await find(call);
    // The row first: then a worker that has it in work finds it gone, and removes what it has just written.
    const upload = await repository.deleteUpload(id);
    if (upload === null) throw new HttpError(404, "There is no such upload");
    await jobs.remove(id);
    // The last one is not recorded yet when a worker was killed after writing it.
    for (const key of new Set([...derivedKeys(upload), thumbnailKey(upload)])) await storage.delete(key);
    await storage.delete(upload.storageKey);
    // It may have been the last one that its batch was waiting for.
    await settleBatch(repository, inboxOf(call.user));
    call.response.writeHead(204).end();
  }

  async function getThumbnail(call: Call): Promise<void> {
    const { thumbnailKey: key } = await find(call);
    if (!key) throw new HttpError(404, "There is no thumbnail yet");
    await sendObject(call.response, storage, key, "image/jpeg");
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = (request.url ?? "").split("?", 1).join();
    if (Object.hasOwn(open, path)) return open[path]?.(request, response);
    const matching = routes.filter(([, pattern]) => pattern.test(path));
    const [, pattern, handler] = matching.find(([method]) => method === request.method) ?? [];
    if (matching.length === 0) throw new HttpError(404, "There is nothing here");
    if (pattern === undefined || handler === undefined) throw new HttpError(405, "It does not take this method");
    const user = userOf(request.headers.cookie);
    if (user === null) throw new HttpError(401, "Open the page first: it begins a session");
    await handler({ request, response, user, id: pattern.exec(path)?.[1] ?? "" });
  }

  const server = createServer((request, response) => {
    answer(request, response).catch((error) => sendError(request, response, error));
  });

  return {
    server,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      await progress.close();
      // Browsers keep connections open, and some clients never end what they send.
      const impatience = setTimeout(() => server.closeAllConnections(), 1000);
      await closed;
      clearTimeout(impatience);
    },
  };
}
