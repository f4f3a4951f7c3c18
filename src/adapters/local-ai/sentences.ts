import { isNeutral, type NamedColour } from "./colours.js";
import type { Edge, Measurements } from "./measure.js";
import { scale } from "./scale.js";

const light = scale({ 20: "very dark", 40: "dark", 65: "", 82: "bright" }, "very bright");
const contrast = scale({ 8: "low-contrast", 27: "" }, "high-contrast");
const format = scale(
  { 0.45: "tall, narrow", 0.93: "portrait-format", 1.08: "square", 2.1: "landscape-format" },
  "panoramic",
);
const amountOfDetail = scale({ 1.5: "A little detail", 5: "The detail" }, "Rich detail");
const across = scale({ 0.4: "left", 0.6: "" }, "right");
const down = scale({ 0.4: "upper", 0.6: "" }, "lower");

/** Puts measurements into words. It tells nothing that was not measured: not what an image shows, but what it looks like. */
export function describeMeasurements(measured: Measurements, size: { width: number; height: number }): string {
  const look = [qualities(measured).join(", "), format(size.width / size.height), "image"].filter(isSaid).join(" ");
  return [`A ${look}, ${coloursOf(measured)}.`, `${detailOf(measured)}.`, ...plainStretch(measured)].join(" ");
}

function qualities(measured: Measurements): string[] {
  const neutral = measured.colours.every(({ name }) => isNeutral(name));
  const colour = neutral ? "monochrome" : measured.colourfulness > 38 ? "vivid" : "";
  return [light(measured.brightness), contrast(measured.contrast), colour].filter(isSaid);
}

const isSaid = (word: string) => word !== "";

function coloursOf({ colours: [first, ...others] }: Measurements): string {
  if (first === undefined) return "in many colours";
  const main = others.filter(({ share }) => share >= Math.max(0.12, first.share / 4)).slice(0, 2);
  const accents = others.filter((colour) => !main.includes(colour) && !isNeutral(colour.name)).slice(0, 2);
  const much = first.share > 0.95 ? "almost entirely" : first.share >= 0.4 || main.length === 0 ? "mostly" : "in";
  return `${much} ${list([first, ...main])}${accents.length === 0 ? "" : `, with touches of ${list(accents)}`}`;
}

function list(colours: readonly NamedColour[]): string {
  const names = colours.map(({ name }) => name);
  return names.length < 2 ? names.join() : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
}

function detailOf(measured: Measurements): string {
  const { focus, spread, edges } = measured;
  if (measured.detail < 0.4 && spread > 0.7) return "It is smooth, with hardly any structure";
  const amount = amountOfDetail(measured.detail);
  const place = placeOf(focus);
  const where = place === "in the centre" && spread > 0.9 ? "is spread all over it" : `is mostly ${place}`;
  const strips = Object.values(edges);
  if (strips.some(({ plain }) => plain < 0.8)) return `${amount} ${where}`;
  const names = new Set(strips.map(({ colour }) => colour.name));
  return `${amount} ${where}, on a plain ${names.size === 1 ? `${[...names].join()} ` : ""}background`;
}

function placeOf({ x, y }: Measurements["focus"]): string {
  const words = [down(y), across(x)].filter(isSaid);
  if (words.length === 0) return "in the centre";
  return `in the ${words.join(" ")} ${words.length === 1 ? "half" : "part"}`;
}

/** The top or the bottom, where it alone is plain: a sky, a wall, a table, or whatever it may be. */
function plainStretch({ edges }: Measurements): string[] {
  const along = (edge: Edge, opposite: Edge) => {
    const { plain, colour } = edges[edge];
    if (plain < 0.9 || colour.share < 0.5 || edges[opposite].plain > 0.8) return [];
    return [`Its ${edge} is plain ${colour.share < 0.8 ? "and mostly " : ""}${colour.name}.`];
  };
  return [...along("top", "bottom"), ...along("bottom", "top")];
}
