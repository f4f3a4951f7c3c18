import { changed, grid, heicFile, turned } from "../../support/heif.js";
import type { Specimen } from "./corpus.js";

/** Small files of every kind that is decoded. */
export function createHeicCorpus(): readonly Specimen[] {
  const names = ["plain", "ten-bit", "alpha", "several", "p3-profile"];
  return [
    ...names.map((name) => ({ name, bytes: heicFile(name) })),
    { name: "a grid", bytes: grid() },
    { name: "turned", bytes: changed("plain", ({ properties }) => properties.push(turned(3))) },
  ];
}
