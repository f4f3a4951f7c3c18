import type { Chromaticities } from "../colours/cicp.js";
import { type ColourSpace, colourSpaceOf, SRGB_PRIMARIES } from "../colours/cicp.js";
import { makeGreyProfile, makeProfile } from "../colours/profile.js";
import type { ByteSource } from "../headers/byte-source.js";
import { type PngHeader, readLateExif, readPngHeader } from "../headers/png.js";
import { withChunks } from "../headers/png-rewrite.js";
import { PIXEL_LIMITS } from "../pixel-limits.js";
import { type Inspection, refusal, unreadable } from "./inspection.js";

/** @throws UploadError `UNSUPPORTED_MEDIA` for Apple's own kind, and for colours that cannot be converted */
export async function inspectPng(source: ByteSource, mimeType: string): Promise<Inspection> {
  const header = await readPngHeader(source);
  if (header === null) throw unreadable(mimeType);
  const { chunks, interlaced, depth, isGrey } = header;
  const has = (type: string) => chunks.some((chunk) => chunk.type === type);
  if (has("CgBI")) throw refusal(mimeType, "is a PNG of Apple's own kind (CgBI), which sharp cannot decode");
  const space = spaceOf(header, mimeType, has);
  const exif = has("eXIf") ? null : await readLateExif(source);
  const rewrite = (file: Uint8Array) => {
    const profile = space === null ? undefined : isGrey ? makeGreyProfile(space) : makeProfile(space);
    return withChunks(file, header, { profile, others: exif === null ? [] : [exif] });
  };
  const { png, pngInterlaced, pngInterlacedDeep } = PIXEL_LIMITS;
  return {
    coding: interlaced ? "interlaced PNG" : "PNG",
    limitPixels: !interlaced ? png : depth > 8 ? pngInterlacedDeep : pngInterlaced,
    rewrite: space === null && exif === null ? undefined : rewrite,
  };
}

/** What its tags say, in the order of the standard, but that a profile wins: the decoder goes by that anyway. */
function spaceOf(header: PngHeader, mimeType: string, has: (type: string) => boolean): ColourSpace | null {
  const { cicp, gamma, chromaticities } = header;
  if (has("iCCP")) return null;
  if (cicp !== undefined) {
    if (cicp.readUInt8(3) === 0)
      throw refusal(
        mimeType,
        "has samples of narrow range (cICP), as video has, which are not converted; save it with full range",
      );
    const space = colourSpaceOf(cicp.readUInt8(0), cicp.readUInt8(1));
    if (space === "unknown")
      throw refusal(mimeType, `has colours with the transfer function ${cicp[1]}, which is not converted`);
    return space;
  }
  if (has("sRGB")) return null;
  const exponent = gamma === undefined ? undefined : exponentOf(gamma);
  const primaries = chromaticities === undefined ? SRGB_PRIMARIES : primariesOf(chromaticities);
  if (exponent === undefined && primaries === SRGB_PRIMARIES) return null;
  return { primaries, transfer: exponent === undefined ? { kind: "srgb" } : { kind: "gamma", exponent } };
}

/** 1 / 2.2 is what sRGB is written as; others as near are roundings of it. */
function exponentOf(gamma: Buffer): number | undefined {
  const value = gamma.readUInt32BE(0) / 100_000;
  const isUsual = value >= 0.43 && value <= 0.48;
  return isUsual || value < 0.1 || value > 10 ? undefined : 1 / value;
}

/** Those of sRGB where they are near to them, or are no primaries at all. */
function primariesOf(chunk: Buffer): Chromaticities {
  const at = (index: number) => chunk.readUInt32BE(4 * index) / 100_000;
  const told: Chromaticities = [at(2), at(3), at(4), at(5), at(6), at(7), at(0), at(1)];
  const near = told.every((value, index) => Math.abs(value - (SRGB_PRIMARIES[index] ?? 0)) < 0.01);
  return near || !arePrimaries(told) ? SRGB_PRIMARIES : told;
}

/** A triangle that is not flat, with white inside. */
function arePrimaries([rx, ry, gx, gy, bx, by, wx, wy]: Chromaticities): boolean {
  const side = (ax: number, ay: number, cx: number, cy: number) => (cx - ax) * (wy - ay) - (cy - ay) * (wx - ax);
  const sides = [side(rx, ry, gx, gy), side(gx, gy, bx, by), side(bx, by, rx, ry)];
  return sides.every((area) => area > 0.001) && wy > 0.1;
}
