import { type ChildProcess, spawn } from "node:child_process";
import { parse } from "node:path";
import type { Readable } from "node:stream";

export interface ProcessOptions {
  readonly signal: AbortSignal;
  /** When it is killed, in milliseconds from its start. */
  readonly timeoutMs: number;
  /** Is handed what it writes to stderr, piece by piece. */
  readonly onStderr: (chunk: string) => void;
}

/** How a process ended. */
export type End =
  | { readonly by: "exit"; readonly code: number }
  /** It crashed, or somebody else killed it. */
  | { readonly by: "signal"; readonly signal: NodeJS.Signals }
  | { readonly by: "timeout" | "abort" | "stop" }
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
  /** Why it was killed by us. */
  #killedBy: "timeout" | "abort" | "stop" | undefined;

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
    signal.addEventListener("abort", onAbort, { once: true });
    child.stderr?.setEncoding("utf8").on("data", onStderr);
    for (const stream of [child.stdout, child.stderr]) stream?.on("error", () => {});
    this.#ended = endOf(child).then((end) => {
      this.#exited = true;
      clearTimeout(timer);
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
  async stop(): Promise<void> {
    this.#kill("stop");
    await this.#ended;
  }

  #kill(by: "timeout" | "abort" | "stop"): void {
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
