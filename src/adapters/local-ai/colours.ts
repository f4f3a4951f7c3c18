import { type Scale, scale } from "./scale.js";

/** A colour, by the name that people give it, and its share of an area, from 0 to 1. */
export interface NamedColour {
  readonly name: string;
  readonly share: number;
}

interface Hue {
  /** In degrees of the Lab circle. */
  readonly upTo: number;
  /** By lightness. */
  readonly vivid: Scale;
  /** By lightness, for less chroma than {@link DULL_CHROMA}. @default like `vivid` */
  readonly dull?: Scale;
}

/** Less colourful than this is grey, and than that is dull: brown rather than orange. */
const GREY_CHROMA = 10;
const DULL_CHROMA = 30;

const GREYS = scale({ 12: "black", 38: "dark grey", 68: "grey", 92: "light grey" }, "white");
const NEUTRAL: ReadonlySet<string> = new Set(["black", "dark grey", "grey", "light grey", "white"]);
const REDS = scale({ 30: "dark red", 64: "red" }, "pink");

/** Where people see one colour end and the next begin. */
const HUES: readonly Hue[] = [
  { upTo: 20, vivid: REDS },
  { upTo: 48, vivid: REDS, dull: scale({ 60: "brown" }, "pink") },
  { upTo: 82, vivid: scale({ 55: "brown" }, "orange"), dull: scale({ 62: "brown" }, "beige") },
  { upTo: 114, vivid: scale({ 66: "olive" }, "yellow"), dull: scale({ 62: "olive" }, "beige") },
  { upTo: 165, vivid: scale({ 34: "dark green", 76: "green" }, "light green") },
  { upTo: 215, vivid: scale({ 58: "teal" }, "turquoise") },
  { upTo: 312, vivid: scale({ 28: "dark blue", 64: "blue" }, "light blue") },
  { upTo: 345, vivid: scale({ 64: "purple" }, "pink") },
  { upTo: 361, vivid: REDS },
];

/** What people call a colour, given in CIE Lab. */
export function nameColour(lightness: number, a: number, b: number): string {
  const chroma = Math.hypot(a, b);
  if (chroma < GREY_CHROMA) return GREYS(lightness);
  // What is nearly black looks black, unless it is very blue.
  if (lightness < 12 && chroma < DULL_CHROMA) return "black";
  const degrees = ((Math.atan2(b, a) * 180) / Math.PI + 360) % 360;
  const { vivid, dull = vivid } = HUES.find(({ upTo }) => degrees < upTo) as Hue;
  return (chroma < DULL_CHROMA ? dull : vivid)(lightness);
}

/** Shares of names, the largest first. */
export function countColours(names: readonly string[]): NamedColour[] {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return [...counts]
    .map(([name, count]) => ({ name, share: Math.round((1000 * count) / names.length) / 1000 }))
    .sort((one, other) => other.share - one.share || one.name.localeCompare(other.name));
}

/** Whether it is a shade of grey, black or white. */
export function isNeutral(name: string): boolean {
  return NEUTRAL.has(name);
}
