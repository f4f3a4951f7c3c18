import { hashOf } from "./labelled-set.js";

export interface Spoilt {
  readonly text: string;
  readonly kind: string;
}

/** Scripts without full stops, where nobody can tell a cut-off text from a whole one. */
const WITHOUT_FULL_STOPS = ["th"];
const WITHOUT_SPACES = ["th", "ja", "zh"];

/** What models make of a text when they fail, always the same for a text: it ends in a loop, is cut off, or becomes soup. */
export function spoil(text: string, language: string): readonly Spoilt[] {
  const random = randomOf(hashOf(text));
  const spoilt: Spoilt[] = [];
  const sentences = text.match(/[^.!?。！？।؟]+[.!?。！？।؟]+["”»」]?\s*/g) ?? [];
  // No lists, and no figures: after "1.348,50" nobody can tell that digits are missing.
  const isProse = sentences.length >= 2 && sentences.join("").trim() === text.trim() && !/\n|: |\d[.:]/.test(text);
  if (text.length < 40) return [];
  const choice = random(3);
  if (choice === 0) {
    const piece = pieceOf(text, language, random);
    spoilt.push({ kind: "loop", text: text.replace(/[.。।]$/, "") + piece.repeat(6 + random(20)) });
  } else if (choice === 1 && isProse) {
    const last = sentences.at(-1) as string;
    spoilt.push({ kind: "loop", text: text.trimEnd() + ` ${last.trim()}`.repeat(3 + random(6)) });
  } else {
    spoilt.push({ kind: "soup", text: soupOf(text, random) });
  }
  if (isProse && !WITHOUT_FULL_STOPS.includes(language)) {
    const last = (sentences.at(-1) as string).trim();
    const whole = sentences.slice(0, -1).join("");
    // At least two words of it, and not the last one.
    const cut = Math.floor(last.length * (0.35 + random(40) / 100));
    const stub = last.slice(0, cut).replace(/[\s\p{P}]+$/u, "");
    if (stub.length >= 4 && !/["“„«「]/.test(stub)) spoilt.push({ kind: "cut-off", text: whole + stub });
  }
  return spoilt;
}

/** One to four words, or a few characters. */
function pieceOf(text: string, language: string, random: (below: number) => number): string {
  if (WITHOUT_SPACES.includes(language)) {
    const from = random(text.length - 10);
    return text.slice(from, from + 3 + random(6)).replace(/\s/g, "");
  }
  const words = text.split(/\s+/);
  const from = random(Math.max(1, words.length - 4));
  return ` ${words.slice(from, from + 1 + random(4)).join(" ")}`;
}

const DEBRIS = [
  "##",
  "_x7",
  "{}",
  "^^",
  "zQ9w",
  "\ufffd",
  "@@",
  ";;",
  "uBtV",
  "\\n",
  "ĠĠ",
  "|>",
  "0x3F",
  "図",
  "ж",
  "ק",
];

/** Every second word gives way to something that is none. */
function soupOf(text: string, random: (below: number) => number): string {
  const words = text.split(/\s+/);
  const pieces =
    words.length > 4 ? words : [...text].flatMap((_, index) => (index % 4 ? [] : text.slice(index, index + 4)));
  return pieces
    .map((word) =>
      random(2) === 0
        ? word
        : `${word.slice(0, 2)}${DEBRIS[random(DEBRIS.length)]}${random(2) ? DEBRIS[random(DEBRIS.length)] : ""}`,
    )
    .join(" ");
}

/** Numbers below a limit, the same ones for a seed. */
function randomOf(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}
