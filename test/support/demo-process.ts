import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { ROOT } from "./build.js";

export interface Ended {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  /** What it printed, by line. */
  readonly lines: readonly string[];
  readonly stderr: string;
  /** The photographs of which it told that they are settled. */
  readonly settled: ReadonlySet<string>;
  /** The photographs that it began to describe, in order, with repetitions. */
  readonly described: readonly string[];
}

/** The demo as a process of its own, without a terminal. */
export class DemoProcess {
  readonly #child: ChildProcess;
  readonly #log: string;
  readonly #describedBefore: number;
  #stdout = "";
  #stderr = "";
  readonly ended: Promise<Ended>;

  /** @param log where the calls of describe are written to, shared by runs that belong together */
  constructor(args: readonly string[], log: string, env: NodeJS.ProcessEnv = {}) {
    this.#log = log;
    this.#describedBefore = this.#calls().length;
    this.#child = spawn(process.execPath, ["--import", "tsx", "test/support/demo-worker.ts", ...args], {
      cwd: ROOT,
      env: { ...process.env, LOG_OF_CALLS: log, INIT_CWD: ROOT, ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#child.stdout?.on("data", (data) => {
      this.#stdout += data;
    });
    this.#child.stderr?.on("data", (data) => {
      this.#stderr += data;
    });
    this.ended = new Promise((resolve, reject) => {
      this.#child.on("error", reject);
      this.#child.on("close", (exitCode, signal) => resolve(this.#end(exitCode, signal)));
    });
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Resolves when this process has begun so many descriptions. */
  async hasDescribed(count: number): Promise<void> {
    while (this.#calls().length - this.#describedBefore < count) {
      if (this.#child.exitCode !== null) throw new Error(`The demo ended before:\n${this.#stdout}${this.#stderr}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  #calls(): string[] {
    return existsSync(this.#log) ? readFileSync(this.#log, "utf8").split("\n").slice(0, -1) : [];
  }

  #end(exitCode: number | null, signal: NodeJS.Signals | null): Ended {
    const lines = this.#stdout.split("\n");
    const settled = lines.flatMap((line) => /^(?:completed|failed): (.*?): /.exec(line)?.[1] ?? []);
    const described = this.#calls().slice(this.#describedBefore);
    return { exitCode, signal, lines, stderr: this.#stderr, settled: new Set(settled), described };
  }
}

/** Runs the demo to its end. */
export function runDemo(args: readonly string[], log: string, env: NodeJS.ProcessEnv = {}): Promise<Ended> {
  return new DemoProcess(args, log, env).ended;
}
