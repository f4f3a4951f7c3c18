import { readFile } from "node:fs/promises";
import { messageOf, UploadError } from "../errors.js";
import { showsNothing } from "./first-frame.js";
import { hasFrames } from "./headers/gif-frames.js";
import { hasAllScans, withEndMarker } from "./headers/jpeg-end.js";
import type { RequireHeard } from "./heard.js";
import type { Sharp } from "./sharp.js";

/** `"lenient"` takes what can be shown of an image that is cut off or damaged. */
export type Tolerance = "strict" | "lenient";

export interface ToleranceSettings {
  /** @default "strict" */
  readonly tolerance?: Tolerance | undefined;
  /** Told when an image is shown although a part of it is missing or damaged. */
  readonly onDamage?: ((warning: UploadError) => void) | undefined;
}

/** How an image is read once more. */
interface Reading {
  /** @default the image itself */
  readonly input?: Uint8Array | undefined;
  /** From where on the decoder gives up. @default "error" */
  readonly failOn?: "none" | "error" | "warning" | undefined;
  /** @default 0 */
  readonly frame?: number | undefined;
  /** @default 1 */
  readonly frames?: number | undefined;
}

export type OpenReading = (reading: Reading) => Sharp;

interface Decoding<T> {
  readonly input: string | Uint8Array;
  readonly mimeType: string;
  readonly frame: number;
  /** From where on the decoder gives up; without it, by the type. */
  readonly failOn: "warning" | undefined;
  /** Whether it comes in several scans, which the decoder does not miss. */
  readonly isInScans: boolean;
  readonly open: OpenReading;
  readonly work: (image: Sharp) => Promise<T>;
  /** What an error of the decoder means. */
  readonly judge: (thrown: unknown) => Promise<UploadError>;
  readonly requireHeard: RequireHeard;
}

/**
 * Has an image decoded, and once more where what is wrong with it does not touch its picture: a JPEG without its end marker is whole.
 * What is really cut off or damaged is shown as far as it goes when the tolerance is lenient.
 *
 * @throws UploadError as `judge` tells
 */
export async function decodeTolerantly<T>(decoding: Decoding<T>, settings: ToleranceSettings): Promise<T> {
  const { judge } = decoding;
  try {
    return await decodeWhole(decoding);
  } catch (error) {
    const damage = await judge(error);
    if (damage.code !== "INVALID_MEDIA") throw damage;
    const whole = await decodeWithoutEnd(decoding, damage);
    if (whole !== null) return whole.decoded;
    if (settings.tolerance !== "lenient") throw damage;
    return await decodeDamaged(decoding, damage, settings);
  }
}

const contentOf = (input: string | Uint8Array) => (typeof input === "string" ? readFile(input) : input);

/** Their decoders go on behind damage, and only warn of it. */
const WARNED_OF: ReadonlySet<string> = new Set(["image/jpeg", "image/gif"]);

async function decodeWhole<T>(decoding: Decoding<T>): Promise<T> {
  const { input, mimeType, frame, failOn, isInScans, open, work } = decoding;
  if (isInScans && !hasAllScans(await contentOf(input))) {
    const message = `The image (${mimeType}) is damaged: scans of it are missing`;
    throw new UploadError(message, { code: "INVALID_MEDIA" });
  }
  if (!WARNED_OF.has(mimeType)) return work(open({ frame, failOn }));
  try {
    return await work(open({ frame, failOn: "warning" }));
  } catch (error) {
    if (!(await isHarmless(error, decoding))) throw error;
    return work(open({ frame }));
  }
}

/** What libjpeg warns of although all of the picture is there. */
const HARMLESS =
  /extraneous bytes before|unknown (?:JFIF|Adobe)|bad ICC marker|invalid SOS parameters|inconsistent progression/i;
const HARMFUL = /premature end|bad (?:huffman|arithmetic) code|instead of RST/i;

async function isHarmless<T>(thrown: unknown, decoding: Decoding<T>): Promise<boolean> {
  const { input, mimeType, frame, requireHeard } = decoding;
  if (mimeType === "image/gif") return hasFrames(await contentOf(input), frame + 1);
  requireHeard(thrown);
  const warning = messageOf(thrown);
  return HARMLESS.test(warning) && !HARMFUL.test(warning);
}

/** `null` when more is missing than the marker. Not that the decoder warns of anything tells that all is there. */
async function decodeWithoutEnd<T>(
  { input, mimeType, open, work }: Decoding<T>,
  { cause }: UploadError,
): Promise<{ readonly decoded: T } | null> {
  if (mimeType !== "image/jpeg" || !/premature end of JPEG/i.test(messageOf(cause))) return null;
  const file = await contentOf(input);
  if (!hasAllScans(file)) return null;
  try {
    return { decoded: await work(open({ input: withEndMarker(file), failOn: "warning" })) };
  } catch {
    return null;
  }
}

async function decodeDamaged<T>(
  { mimeType, frame, open, work, judge }: Decoding<T>,
  damage: UploadError,
  { onDamage }: ToleranceSettings,
): Promise<T> {
  const reading = { frame, failOn: "none" } as const;
  try {
    if (await showsNothing(open(reading))) throw damage;
    const decoded = await work(open(reading));
    const message = `A part of the image (${mimeType}) is missing or damaged; it is shown as far as it goes (input.tolerance)`;
    onDamage?.(new UploadError(message, { code: "INVALID_MEDIA", stage: "open", cause: damage }));
    return decoded;
  } catch (error) {
    const judged = await judge(error);
    throw judged.code === "INVALID_MEDIA" ? damage : judged;
  }
}
