import { type ColourSpace, colourSpaceOf } from "../colours/cicp.js";
import { makeProfile } from "../colours/profile.js";
import type { ByteSource } from "../headers/byte-source.js";
import { type HeifHeader, readHeifHeader } from "../headers/heif.js";
import { asStill, withProfile } from "../headers/heif-rewrite.js";
import { PIXEL_LIMITS } from "../pixel-limits.js";
import { type Inspection, refusal, unreadable } from "./inspection.js";

/** @throws UploadError `UNSUPPORTED_MEDIA` for colours that cannot be converted, and for moving pictures without a still one */
export async function inspectHeif(source: ByteSource, mimeType: string): Promise<Inspection> {
  const limitPixels = PIXEL_LIMITS.heif;
  const header = await readHeifHeader(source);
  if (header === null) throw unreadable(mimeType);
  const { brand, meta, coding } = header;
  if (brand === "avis" && meta === undefined)
    throw refusal(mimeType, "has moving pictures alone, without the still one that is shown in their place");
  if (header.isPremultiplied)
    throw refusal(
      mimeType,
      "has colours multiplied by its alpha, which sharp would show too dark; save it without that",
    );
  const space = spaceOf(header, mimeType);
  const isKnown = KNOWN_BRANDS.has(brand);
  const rewrite = (file: Uint8Array) => {
    const still = isKnown ? file : asStill(file);
    return space === null || meta === undefined ? still : withProfile(still, meta, makeProfile(space));
  };
  return {
    coding: `HEIF with ${CODINGS[coding ?? ""] ?? coding ?? "no picture"}`,
    limitPixels,
    isRare: coding !== undefined && !["av01", "hvc1", "hev1"].includes(coding),
    rewrite: isKnown && space === null ? undefined : rewrite,
  };
}

/** A profile says more, and is what the decoder goes by. */
function spaceOf({ hasProfile, colours }: HeifHeader, mimeType: string): ColourSpace | null {
  if (hasProfile || colours === undefined) return null;
  const space = colourSpaceOf(colours.primaries, colours.transfer);
  if (space === "unknown")
    throw refusal(mimeType, `has colours with the transfer function ${colours.transfer}, which is not converted`);
  return space;
}

/** What a file may be called first for libvips to know it, of what is decoded here. */
const KNOWN_BRANDS: ReadonlySet<string> = new Set(["avif", "mif1", "msf1", "heic", "heix", "heim", "heis"]);

const CODINGS: Readonly<Record<string, string>> = {
  av01: "AV1",
  avc1: "H.264",
  hvc1: "HEVC",
  hev1: "HEVC",
  vvc1: "VVC",
  evc1: "EVC",
  j2k1: "JPEG 2000",
  jpeg: "JPEG",
  unci: "uncompressed samples",
};
