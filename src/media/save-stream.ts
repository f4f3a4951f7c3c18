import { createWriteStream } from "node:fs";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { type AdmissionLimits, type Admitted, admitContent, admitSize } from "./admission.js";
import { HEAD_BYTES } from "./sniff.js";

/**
 * Saves a stream as a file, and judges it while it comes in: when its type or its size is refused, the rest is not
 * fetched. The stream is destroyed when it is refused, and when the signal is aborted.
 *
 * @throws UploadError when it is not let in; what the stream or the file system throws, as it is
 */
export async function saveStream(
  stream: Readable,
  path: string,
  limits: AdmissionLimits,
  signal: AbortSignal,
): Promise<Admitted> {
  const admitted = { mimeType: "", size: 0 };
  const head: Uint8Array[] = [];
  const judge = async () => {
    admitted.mimeType = await admitContent(Buffer.concat(head), limits);
    head.length = 0;
  };
  await pipeline(
    stream,
    async function* (chunks: AsyncIterable<Uint8Array>) {
      for await (const chunk of chunks) {
        admitted.size += chunk.byteLength;
        admitSize(admitted.size, limits, "so far");
        if (admitted.mimeType === "") head.push(chunk);
        if (admitted.mimeType === "" && admitted.size >= HEAD_BYTES) await judge();
        yield chunk;
      }
      if (admitted.mimeType === "") await judge();
    },
    createWriteStream(path, { mode: 0o600 }),
    { signal },
  );
  return admitted;
}
