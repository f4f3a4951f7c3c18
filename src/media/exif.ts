import { cleanText } from "../clean-text.js";
import type { MediaFacts } from "../contracts/ai.js";
import { type Directory, readDirectory } from "./exif-directory.js";

type ExifFacts = Pick<MediaFacts, "takenAt" | "camera" | "gps">;

/** Numbers of the tags that are read. */
const TAG = { make: 0x010f, model: 0x0110, exif: 0x8769, gps: 0x8825, takenAt: 0x9003, offset: 0x9011 } as const;
const GPS = { latitudeRef: 1, latitude: 2, longitudeRef: 3, longitude: 4 } as const;

/**
 * Reads when, with what and, if that is wanted, where a photo was taken. What is damaged, or is none, is left out.
 *
 * The few tags are looked up here: readers that read all of them take seconds, and gigabytes, for a directory of some kilobytes
 * whose entries all refer to the whole of it.
 */
export function readExif(
  data: Uint8Array,
  { exif, location }: { readonly exif: boolean; readonly location: boolean },
): ExifFacts {
  const main = readDirectory(data);
  if (main === null) return {};
  const facts: { -readonly [Key in keyof ExifFacts]: ExifFacts[Key] } = {};
  const gps = location ? positionOf(main.directory(TAG.gps)) : undefined;
  if (gps !== undefined) facts.gps = gps;
  if (!exif) return facts;
  const photo = main.directory(TAG.exif);
  const takenAt = momentOf(photo?.text(TAG.takenAt), photo?.text(TAG.offset));
  if (takenAt !== undefined) facts.takenAt = takenAt;
  const camera = cameraOf(main.text(TAG.make), main.text(TAG.model));
  if (camera !== "") facts.camera = camera;
  return facts;
}

/** `2024:05:01 12:34:56` and `+02:00`, which older cameras do not tell. */
function momentOf(moment: string | undefined, offset: string | undefined): string | undefined {
  const [, date, time] = /^(\d{4}:\d\d:\d\d) (\d\d:\d\d:\d\d)$/.exec(moment ?? "") ?? [];
  if (date === undefined || time === undefined) return undefined;
  const local = `${date.replaceAll(":", "-")}T${time}`;
  if (!exists(local)) return undefined;
  return OFFSET.test(offset ?? "") ? `${local}${offset}` : local;
}

/** No clock on Earth is further from UTC than 14 hours. */
const OFFSET = /^[+-](?:(?:0\d|1[0-3]):[0-5]\d|14:00)$/;

/** Cameras whose clock was never set write zeros. A day that is not in its month is taken for one of the next by `Date`. */
function exists(local: string): boolean {
  const time = Date.parse(`${local}Z`);
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(local);
}

const LONGEST_NAME = 100;

/** Many models have their maker's name in them. */
function cameraOf(make = "", model = ""): string {
  const [maker, name] = [make, model].map((text) => cleanText(text).trim().slice(0, LONGEST_NAME));
  const isTold = name?.toLowerCase().startsWith(maker?.toLowerCase() ?? "");
  return isTold ? (name ?? "") : `${maker} ${name}`.trim();
}

function positionOf(gps: Directory | null | undefined): MediaFacts["gps"] {
  const latitude = degreesOf(gps?.numbers(GPS.latitude), gps?.text(GPS.latitudeRef), "NS", 90);
  const longitude = degreesOf(gps?.numbers(GPS.longitude), gps?.text(GPS.longitudeRef), "EW", 180);
  return latitude === undefined || longitude === undefined ? undefined : { latitude, longitude };
}

function degreesOf(
  parts: readonly number[] | undefined,
  direction: string | undefined,
  directions: string,
  most: number,
): number | undefined {
  const sign = directions.indexOf((direction ?? "").trim().charAt(0).toUpperCase() || "?");
  if (parts === undefined || parts.length !== 3 || sign < 0) return undefined;
  const [degrees = 0, minutes = 0, seconds = 0] = parts;
  const value = degrees + minutes / 60 + seconds / 3600;
  if (!Number.isFinite(value) || value > most) return undefined;
  const rounded = Math.round(value * 1e6) / 1e6; // some ten centimetres
  return sign === 0 ? rounded : -rounded;
}
