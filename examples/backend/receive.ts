import { randomUUID } from "node:crypto";
import { createWriteStream } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import type { IncomingMessage } from "node:http";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import type { UploadRecord } from "upload-processor";
import { HttpError } from "./http.js";

/**
 * Streams the body of a request into the folder of originals, and answers with what is known of it. Nothing is left of a body
 * that is too large or cut off.
 */
export async function receiveOriginal(
  request: IncomingMessage,
  folder: string,
  maxBytes: number,
): Promise<UploadRecord> {
  const mimeType = request.headers["content-type"] ?? "";
  // Only what is clearly a mistake: the content decides, and that is looked at later.
  if (!mimeType.startsWith("image/")) throw new HttpError(415, "The content-type has to be that of an image");
  if (Number(request.headers["content-length"]) > maxBytes) throw tooLarge(maxBytes);
  const fileName = readFileName(request.headers["x-file-name"]);

  const id = randomUUID();
  // Named by us, not by the client: a name is data, and not to be trusted as a path.
  const storageKey = `originals/${id}`;
  const path = join(folder, storageKey);
  const partial = `${path}.part`;
  await mkdir(join(folder, "originals"), { recursive: true });
  try {
    let fileSize = 0;
    async function* limited() {
      // Not destroyed when it is left early: the answer has to go out on the same connection.
      for await (const chunk of request.iterator({ destroyOnReturn: false })) {
        fileSize += (chunk as Buffer).length;
        if (fileSize > maxBytes) throw tooLarge(maxBytes);
        yield chunk as Buffer;
      }
    }
    await pipeline(limited, createWriteStream(partial));
    if (fileSize === 0) throw new HttpError(400, "The body is empty");
    await rename(partial, path);
    return { id, storageKey, fileName, fileSize, mimeType, status: "pending" };
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  }
}

function tooLarge(maxBytes: number): HttpError {
  return new HttpError(413, `An upload may have ${maxBytes} bytes`);
}

/** Headers are ASCII, names are not: so they are percent-encoded. */
function readFileName(header: string | string[] | undefined): string | null {
  if (header === undefined) return null;
  try {
    return decodeURIComponent(String(header)).slice(0, 255);
  } catch {
    throw new HttpError(400, "x-file-name has to be percent-encoded");
  }
}
