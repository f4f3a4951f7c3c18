import { readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { UsageError } from "./arguments.js";

/**
 * One process at a time per output folder: the embedded database has no lock of its own, and a second process would damage it.
 *
 * Each process writes a file named by its id and then looks for those of others. Of two that start at once at least one
 * sees the other, so never both go on. A process that is no longer there holds nothing.
 *
 * @throws UsageError when another process has it
 */
export async function lockFolder(folder: string): Promise<AsyncDisposable> {
  const own = `lock.${process.pid}`;
  const unlock = () => rm(join(folder, own), { force: true });
  await writeFile(join(folder, own), "");
  for (const name of await readdir(folder)) {
    const pid = /^lock\.(\d+)$/.exec(name)?.[1];
    if (pid === undefined || name === own) continue;
    if (isAlive(Number(pid))) {
      await unlock();
      const path = join(folder, name);
      throw new UsageError(`process ${pid} is working on this folder; if it is no demo, delete ${path}`);
    }
    await rm(join(folder, name), { force: true });
  }
  return { [Symbol.asyncDispose]: unlock };
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    // EPERM: it is there, and another user's.
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
