import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

export interface Ended {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  /** The last line that it printed: its result, when it came to its end. */
  readonly lastLine: string;
  readonly stderr: string;
}

const CRASH_WORKER = fileURLToPath(new URL("worker.ts", import.meta.url));

/** A worker as a process of its own, which is told its plan as JSON. */
export class WorkerProcess {
  readonly #child: ChildProcess;
  #stdout = "";
  #stderr = "";
  /** Resolves when it has begun to work on an upload, or has ended. */
  readonly working: Promise<void>;
  readonly ended: Promise<Ended>;
  /** Resolves when it has paused because its repository cannot be reached, or has ended. */
  readonly paused: Promise<void>;

  /** @param program by default the worker of this folder */
  constructor(plan: object, environment: NodeJS.ProcessEnv = {}, program = CRASH_WORKER) {
    this.#child = spawn(process.execPath, ["--import", "tsx", program, JSON.stringify(plan)], {
      env: { ...process.env, ...environment },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#child.stderr?.on("data", (data) => {
      this.#stderr += data;
    });
    this.ended = new Promise((resolve, reject) => {
      this.#child.once("error", reject);
      this.#child.once("close", (exitCode, signal) => {
        const lastLine = this.#stdout.trimEnd().split("\n").at(-1) ?? "";
        resolve({ exitCode, signal, lastLine, stderr: this.#stderr });
      });
    });
    const first = new Promise<void>((resolve) => {
      this.#child.stdout?.on("data", (data) => {
        this.#stdout += data;
        resolve();
      });
    });
    const paused = new Promise<void>((resolve) => {
      this.#child.stdout?.on("data", () => {
        if (this.#stdout.includes("paused: repository")) resolve();
      });
    });
    this.paused = Promise.race([paused, this.ended.then(() => {})]);
    this.working = Promise.race([first, this.ended.then(() => {})]);
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }
}
