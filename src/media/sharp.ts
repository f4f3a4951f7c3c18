import { readFile } from "node:fs/promises";
import type { Sharp, SharpConstructor } from "sharp";
import { loadError, requireInstalled } from "./load-package.js";
import { memoizeAsync } from "./memoize-async.js";

export type { Sharp, SharpConstructor };

/**
 * Imported on first use: the native library takes time and memory that a process which only reads outcomes need not
 * spend.
 *
 * A failure is not remembered: the next call tries again, because an installation is repaired or a volume mounted while
 * the process runs, and a try costs some milliseconds.
 */
const importSharp = memoizeAsync(() =>
  import("sharp").then(
    (module) => module.default,
    (error) => requireInstalled<SharpConstructor>("sharp", error),
  ),
);

/** @throws ConfigurationError with the command that installs it for this platform */
export async function loadSharp(): Promise<SharpConstructor> {
  try {
    return await importSharp();
  } catch (error) {
    const { platform, arch } = process;
    const libc = platform === "linux" && (await usesMusl()) ? " --libc=musl" : "";
    const command = `npm install --os=${platform} --cpu=${arch}${libc} sharp`;
    throw loadError("sharp", error, `Install it for this platform with "${command}", and leave it out of bundles`);
  }
}

/**
 * Alpine and others have musl in place of glibc, for which sharp has builds of its own. Told by a script of the libc.
 */
async function usesMusl(): Promise<boolean> {
  const ldd = await readFile("/usr/bin/ldd", "latin1").catch(() => "");
  return ldd.includes("musl");
}
