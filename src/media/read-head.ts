import { open } from "node:fs/promises";
import { HEAD_BYTES } from "./sniff.js";

/** The first {@link HEAD_BYTES} bytes of a file, or fewer if there are no more. */
export async function readHead(path: string): Promise<Uint8Array> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(HEAD_BYTES), 0, HEAD_BYTES, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}
