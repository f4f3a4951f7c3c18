import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Store } from "./store.js";

const PHOTOS = ["astronaut.jpg", "astronaut-round-alpha.png", "cat.png", "coffee.webp", "hubble.jpg", "rocket.jpg"];

/** Where workers work: a temporary folder with photographs in it, and an empty ledger. */
export interface Site {
  readonly folder: string;
  readonly objects: string;
  readonly ledger: string;
  readonly remove: () => void;
}

export function makeSite(): Site {
  const folder = mkdtempSync(join(tmpdir(), "crash-"));
  const objects = join(folder, "objects");
  const ledger = join(folder, "ledger");
  mkdirSync(join(objects, "thumbnails"), { recursive: true });
  const photos = fileURLToPath(new URL("../../../examples/photos", import.meta.url));
  cpSync(photos, join(objects, "originals"), { recursive: true });
  writeFileSync(ledger, "");
  return { folder, objects, ledger, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

/** The keys of so many uploads: a few photographs, over and over. */
export function storageKeysOf(uploads: number): readonly string[] {
  return Array.from({ length: uploads }, (_, n) => `originals/${PHOTOS[n % PHOTOS.length]}`);
}

export function pgliteIn(folder: string): Store {
  return { kind: "pglite", folder: join(folder, "database") };
}
