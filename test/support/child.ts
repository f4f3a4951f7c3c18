import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const TSX = import.meta.resolve("tsx");

/** Starts a TypeScript file of `test/support`, or one elsewhere by its absolute path, in a process of its own. */
export function startChild(script: string, args: readonly string[] = [], options: ChildOptions = {}): ChildProcess {
  const command = [process.execPath, "--import", TSX, script, ...args];
  const [program = "", ...rest] = options.openFiles === undefined ? command : limited(options.openFiles, command);
  return spawn(program, rest, {
    cwd: ROOT,
    stdio: ["pipe", "pipe", "pipe"],
    env: { ...process.env, ...options.env },
  });
}

export interface ChildOptions {
  /** How many file descriptors it may have. */
  readonly openFiles?: number;
  /** What is set besides in its environment. */
  readonly env?: Readonly<Record<string, string>>;
}

const limited = (openFiles: number, command: readonly string[]) => [
  "/bin/sh",
  "-c",
  `ulimit -n ${openFiles}; exec "$@"`,
  "sh",
  ...command,
];

/** Waits for the end of a child; what it printed, and its exit code. */
export async function endOf(child: ChildProcess): Promise<{ code: number | null; out: string; err: string }> {
  let [out, err] = ["", ""];
  child.stdout?.on("data", (chunk) => {
    out += chunk;
  });
  child.stderr?.on("data", (chunk) => {
    err += chunk;
  });
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  return { code, out, err };
}

/** The next text that a child prints. */
export function nextOutput(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    child.stdout?.once("data", (chunk) => resolve(String(chunk).trim()));
    child.once("close", () => reject(new Error("the child ended without a word")));
  });
}
