import { createHash } from "node:crypto";
import type { Dirent } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { extname, join, relative, sep } from "node:path";
import { UsageError } from "./arguments.js";
import type { Decoders } from "./decoders.js";

export interface Photo {
  /** The same as long as the file is the same, so that the next run finds its row again. */
  readonly id: string;
  /** Its path below the folder, with `/` on every platform: the key that it has in the storage. */
  readonly key: string;
  /** In bytes. */
  readonly size: number;
}

export interface PhotoFolder {
  readonly photos: readonly Photo[];
  /** Other files, and folders that could not be read. */
  readonly passedOver: number;
  /** What to install for some of them. */
  readonly toInstall: readonly string[];
}

/** By name, because opening every file would take long; what is inside is found out when it is processed. */
const IMAGES = new Set([".jpg", ".jpeg", ".jpe", ".png", ".apng", ".webp", ".avif", ".gif", ".tif", ".tiff"]);

/**
 * Finds the photographs in a folder and its subfolders, and what else can be decoded here. Hidden ones and `without` are left alone, and links are not followed.
 *
 * @throws UsageError when the folder cannot be read, or has no photographs
 */
export async function findPhotos(
  folder: string,
  without: string,
  { extensions, missingFor }: Pick<Decoders, "extensions" | "missingFor">,
): Promise<PhotoFolder> {
  const paths: string[] = [];
  const toInstall = new Set<string>();
  let passedOver = 0;
  const open = [folder];
  for (let current = open.pop(); current !== undefined; current = open.pop()) {
    for (const entry of await entriesOf(current)) {
      const path = join(current, entry.name);
      if (path === without || entry.name.startsWith(".")) continue;
      if (entry.isDirectory()) open.push(path);
      else if (entry.isFile() && isTaken(extname(entry.name).toLowerCase())) paths.push(path);
      else {
        passedOver++;
        const missing = entry.isFile() ? missingFor(path) : null;
        if (missing !== null) toInstall.add(missing);
      }
    }
  }
  if (paths.length === 0) throw new UsageError([`there are no photographs in ${folder}`, ...toInstall].join("; "));

  const order = new Intl.Collator("en", { numeric: true });
  paths.sort(order.compare);
  const photos: Photo[] = [];
  for (const path of paths) {
    const photo = await photoAt(folder, path);
    if (photo) photos.push(photo);
    else passedOver++;
  }
  return { photos, passedOver, toInstall: [...toInstall] };

  function isTaken(extension: string): boolean {
    return IMAGES.has(extension) || extensions.has(extension);
  }

  async function entriesOf(path: string): Promise<Dirent[]> {
    try {
      return await readdir(path, { withFileTypes: true });
    } catch (error) {
      if (path === folder) throw unreadable(folder, error);
      passedOver++;
      return [];
    }
  }
}

/** A file that was changed is another photograph: its row is made anew, and the old one goes. `null`: it has just vanished. */
async function photoAt(folder: string, path: string): Promise<Photo | null> {
  const found = await stat(path).catch(() => null);
  if (found === null) return null;
  const { size, mtimeMs } = found;
  const key = relative(folder, path).split(sep).join("/");
  const identity = JSON.stringify([folder, key, size, mtimeMs]);
  return { id: createHash("sha256").update(identity).digest("hex").slice(0, 20), key, size };
}

function unreadable(folder: string, error: unknown): UsageError {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === "ENOENT") return new UsageError(`there is no folder ${folder}`);
  if (code === "ENOTDIR") return new UsageError(`${folder} is a file, not a folder`);
  if (code === "EACCES" || code === "EPERM") return new UsageError(`${folder} cannot be read: permission denied`);
  return new UsageError(`${folder} cannot be read: ${message}`);
}
