import { type ChildProcess, spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { parse } from "node:path";
import type { Readable } from "node:stream";

export interface ProcessOptions {
  readonly signal: AbortSignal;
  /** When it is killed, in milliseconds from its start. */
  readonly timeoutMs: number;
  /** Is handed what it writes to stderr, piece by piece. */
  readonly onStderr: (chunk: string) => void;
}

/** Why it was killed by us: `stop` when nobody wants more of it, `close` with the decoder. */
type KilledBy = "timeout" | "abort" | "stop" | "close" | "memory";

/** How a process ended. */
export type End =
  | { readonly by: "exit"; readonly code: number }
  /** It crashed, or somebody else killed it. */
  | { readonly by: "signal"; readonly signal: NodeJS.Signals }
  | { readonly by: KilledBy }
  /** It could not be started. */
  | { readonly by: "error"; readonly error: Error };

/** Windows has no process groups. */
const HAS_GROUPS = process.platform !== "win32";

/**
 * A process of ffmpeg or ffprobe: without a shell and without input, with an environment of `PATH` alone, and killed with all that
 * it has started when its time is over, when the signal is aborted, and by `stop`.
 */
export class Process {
  readonly #child: ChildProcess | undefined;
  readonly #ended: Promise<End>;
  #exited = false;
  #killedBy: KilledBy | undefined;

  constructor(command: string, args: readonly string[], { signal, timeoutMs, onStderr }: ProcessOptions) {
    try {
      this.#child = spawn(command, args, {
        env: environment(),
        // The working directory of this process may be gone, and then nothing could be started.
        cwd: parse(process.execPath).root,
        stdio: ["ignore", "pipe", "pipe"],
        windowsHide: true,
        detached: HAS_GROUPS,
      });
    } catch (error) {
      this.#ended = Promise.resolve({ by: "error", error: error as Error });
      return;
    }
    const child = this.#child;
    const onAbort = () => this.#kill("abort");
    const timer = setTimeout(() => this.#kill("timeout"), timeoutMs);
    const watch = watchMemory(child.pid, () => this.#kill("memory"));
    signal.addEventListener("abort", onAbort, { once: true });
    child.stderr?.setEncoding("utf8").on("data", onStderr);
    for (const stream of [child.stdout, child.stderr]) stream?.on("error", () => {});
    this.#ended = endOf(child).then((end) => {
      this.#exited = true;
      clearTimeout(timer);
      clearInterval(watch);
      signal.removeEventListener("abort", onAbort);
      return this.#killedBy === undefined ? end : { by: this.#killedBy };
    });
    if (signal.aborted) onAbort();
  }

  /** What it writes to stdout. It ends when the process does, whatever has ended it. */
  async *output(): AsyncGenerator<Buffer, void, undefined> {
    const stdout: Readable | null | undefined = this.#child?.stdout;
    if (stdout == null) return;
    try {
      yield* stdout;
    } catch {
      // It was killed; how it ended tells why.
    }
  }

  /** How it ended, when all that it wrote has been read. Never rejects. */
  ended(): Promise<End> {
    return this.#ended;
  }

  /** Kills it unless it has ended, and waits until it has. */
  async stop(by: "stop" | "close" = "stop"): Promise<void> {
    this.#kill(by);
    await this.#ended;
  }

  #kill(by: KilledBy): void {
    const child = this.#child;
    if (this.#exited || child?.pid === undefined) return;
    this.#killedBy ??= by;
    try {
      // The whole group: what was named as ffmpeg may be a script that has started it.
      if (HAS_GROUPS) process.kill(-child.pid, "SIGKILL");
      else child.kill("SIGKILL");
    } catch {
      // It has ended meanwhile.
    }
    child.stdout?.destroy();
    child.stderr?.destroy();
  }
}

function environment(): NodeJS.ProcessEnv {
  const { PATH } = process.env;
  return PATH === undefined ? {} : { PATH };
}

/**
 * In bytes. The limits of pixels and of single allocations do not bound what a decoder keeps: 100 kB of H.264 with 8K frames and 16
 * of them for reference took 1.26 GB. Ordinary videos take 60 to 150 MB, 8K from phones about half of this.
 */
export const MOST_MEMORY = 1.5 * 2 ** 30;
const WATCH_MS = 50;

/** Where the system tells, Linux: how much memory a process has. What it shares with others is counted. */
function watchMemory(pid: number | undefined, onTooMuch: () => void): NodeJS.Timeout | undefined {
  if (process.platform !== "linux" || pid === undefined) return undefined;
  return setInterval(async () => {
    try {
      const [, kibibytes = 0] = /^VmRSS:\s+(\d+) kB/m.exec(await readFile(`/proc/${pid}/status`, "latin1")) ?? [];
      if (Number(kibibytes) * 1024 > MOST_MEMORY) onTooMuch();
    } catch {
      // It has ended meanwhile.
    }
  }, WATCH_MS);
}

function endOf(child: ChildProcess): Promise<End> {
  return new Promise((resolve) => {
    // A process that could be started and has an error later (it cannot be killed, say) still ends.
    child.once("error", (error) => {
      if (child.pid === undefined) resolve({ by: "error", error });
    });
    child.once("close", (code, signal) => {
      resolve(signal === null ? { by: "exit", code: code ?? 0 } : { by: "signal", signal });
    });
  });
}
