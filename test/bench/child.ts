import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

/** Runs a program of this folder in a process of its own. @returns the number that it prints */
export async function measureInChild(program: string, ...args: readonly string[]): Promise<number> {
  const path = fileURLToPath(new URL(program, import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, ["--import", "tsx", path, ...args]);
  return Number(stdout);
}
