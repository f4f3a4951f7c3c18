import { open } from "node:fs/promises";
import { HEAD_BYTES } from "./sniff.js";

/** The first bytes of a file, or fewer if there are no more. */
export async function readHead(path: string, length = HEAD_BYTES): Promise<Uint8Array> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(length), 0, length, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}
