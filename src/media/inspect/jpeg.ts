import type { ByteSource } from "../headers/byte-source.js";
import { readJpegHeader } from "../headers/jpeg.js";
import { jpegPixelLimit } from "../pixel-limits.js";
import { type Inspection, refusal, unreadable } from "./inspection.js";

const ADVICE = "which sharp cannot decode; save it as a baseline or progressive JPEG of 8 bits";

/** @throws UploadError `UNSUPPORTED_MEDIA` lossless, hierarchical, of more than 8 bits, or without a height; `INVALID_MEDIA` without a header */
export async function inspectJpeg(source: ByteSource, mimeType: string): Promise<Inspection> {
  const header = await readJpegHeader(source);
  if (header === null) throw unreadable(mimeType);
  const { height, process, precision, severalScans, coefficientBytes, arithmetic } = header;
  if (process === "lossless" || process === "hierarchical") throw refusal(mimeType, `is a ${process} JPEG, ${ADVICE}`);
  if (height === 0) throw refusal(mimeType, `is a JPEG that tells its height behind its picture (DNL), ${ADVICE}`);
  if (precision !== 8) throw refusal(mimeType, `is a JPEG of ${precision} bits a sample, ${ADVICE}`);
  const coding = arithmetic ? "JPEG with arithmetic coding" : severalScans ? "JPEG in several scans" : "JPEG";
  const limitPixels = jpegPixelLimit(severalScans ? coefficientBytes : 0);
  return { coding, limitPixels, isInRows: !severalScans, isInScans: severalScans };
}
