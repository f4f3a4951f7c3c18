import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A disk of its own in memory, which can be filled up. Only root may make one, and only on Linux. */
export class SmallDisk {
  private constructor(readonly folder: string) {}

  /** @returns `undefined` where this process may not mount anything */
  static make(megabytes: number): SmallDisk | undefined {
    const folder = mkdtempSync(join(tmpdir(), "small-disk-"));
    const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", `size=${megabytes}m`, "tmpfs", folder]);
    if (mounted.status === 0) return new SmallDisk(folder);
    rmSync(folder, { recursive: true });
    return undefined;
  }

  /** Leaves no more than so much room. */
  fill(bytesLeft: number): void {
    const { bavail, bsize } = statfsSync(this.folder);
    try {
      writeFileSync(join(this.folder, "filler"), Buffer.alloc(Math.max(0, bavail * bsize - bytesLeft)));
    } catch (error) {
      // Somebody else has written since: then it is as full as it was to be.
      if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
    }
  }

  makeRoom(): void {
    rmSync(join(this.folder, "filler"));
  }

  remove(): void {
    spawnSync("umount", ["--lazy", this.folder]);
    rmSync(this.folder, { recursive: true });
  }
}
