import { readFile } from "node:fs/promises";
import type { Sharp, SharpConstructor } from "sharp";
import { packageLoader } from "../load-package.js";

export type { Sharp, SharpConstructor };

/** The native library takes time and memory that a process which only reads outcomes need not spend. */
export const loadSharp = packageLoader<SharpConstructor>({
  name: "sharp",
  load: async () => (await import("sharp")).default,
  advice: async () => {
    const { platform, arch } = process;
    const libc = platform === "linux" && (await usesMusl()) ? " --libc=musl" : "";
    const command = `npm install --os=${platform} --cpu=${arch}${libc} sharp`;
    return `Install it for this platform with "${command}", and leave it out of bundles`;
  },
});

/**
 * Alpine and others have musl in place of glibc, for which sharp has builds of its own. Told by a script of the libc.
 */
async function usesMusl(): Promise<boolean> {
  const ldd = await readFile("/usr/bin/ldd", "latin1").catch(() => "");
  return ldd.includes("musl");
}
