import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { WorkerPlan } from "./plan.js";

export interface Ended {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  /** The last line that it printed: its result, when it came to its end. */
  readonly lastLine: string;
  readonly stderr: string;
}

/** A worker as a process of its own. */
export class WorkerProcess {
  readonly #child: ChildProcess;
  #stdout = "";
  #stderr = "";
  /** Resolves when it has begun to work on an upload, or has ended. */
  readonly working: Promise<void>;
  readonly ended: Promise<Ended>;

  constructor(plan: WorkerPlan, environment: NodeJS.ProcessEnv = {}) {
    const program = fileURLToPath(new URL("worker.ts", import.meta.url));
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
    this.working = Promise.race([first, this.ended.then(() => {})]);
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }
}
