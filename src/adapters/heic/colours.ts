import { type Box, damaged, Reader } from "./reader.js";

/** What the numbers of the pixels mean. */
export interface Colours {
  /** An ICC profile of red, green and blue. */
  readonly profile?: Uint8Array;
  /** Of numbers without a profile that are not in sRGB. */
  readonly gamut?: "p3" | "bt2020";
  /** Of numbers without a profile that do not have the curve of sRGB: light is the number to this power. */
  readonly exponent?: number;
  /** A transfer function that is not converted, by its number. */
  readonly unknownTransfer?: number;
  /** The transfer of a picture that is made for more brightness than sRGB has, and has no profile. */
  readonly hdr?: "PQ" | "HLG";
}

/** Of ITU-T H.273. */
const GAMUTS: Readonly<Record<number, "p3" | "bt2020">> = { 9: "bt2020", 11: "p3", 12: "p3" };
// As src/media/colours/cicp.ts has them, for what sharp decodes: 4 and 5 are of old television, 8 is linear light, 9 and 10 are
// logarithmic, 17 is of digital cinema. All others are shown as sRGB's.
const EXPONENTS: Readonly<Record<number, number>> = { 4: 2.2, 5: 2.8, 8: 1 };
const NOT_CONVERTED: ReadonlySet<number> = new Set([9, 10, 17]);
const HDR_TRANSFERS: Readonly<Record<number, "PQ" | "HLG">> = { 16: "PQ", 18: "HLG" };

/** A profile is more exact than the three numbers, and wins where both are there. */
export function coloursOf(properties: readonly Box[]): Colours {
  const found: { -readonly [Key in keyof Colours]: Colours[Key] } = {};
  for (const { type, body } of properties) {
    if (type !== "colr") continue;
    const reader = new Reader(body);
    const kind = reader.name();
    if (kind === "prof" || kind === "rICC") {
      const profile = reader.bytes(reader.left);
      if (profile.length < 128) throw damaged("its colour profile is cut off");
      if (String.fromCharCode(...profile.subarray(16, 20)) === "RGB ") found.profile ??= profile.slice();
    } else if (kind === "nclx") {
      const gamut = GAMUTS[reader.number(2)];
      const transfer = reader.number(2);
      const hdr = HDR_TRANSFERS[transfer];
      const exponent = EXPONENTS[transfer];
      if (NOT_CONVERTED.has(transfer)) found.unknownTransfer ??= transfer;
      if (exponent !== undefined) found.exponent ??= exponent;
      if (gamut !== undefined) found.gamut ??= gamut;
      if (hdr !== undefined) found.hdr ??= hdr;
    }
  }
  const { profile } = found;
  return profile === undefined ? found : { profile };
}
