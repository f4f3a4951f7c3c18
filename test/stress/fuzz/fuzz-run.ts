import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { Kind, Message, WorkerPlan } from "./plan.js";

export interface FuzzOptions {
  readonly seed: number;
  /** @default "images" */
  readonly kind?: Kind;
  /** The first case, and the one behind the last. */
  readonly from: number;
  readonly to: number;
  /** How many processes at once. */
  readonly workers: number;
  /** How long one case may take, in milliseconds. */
  readonly hangMs?: number;
  readonly sabotage?: WorkerPlan["sabotage"];
  readonly onProgress?: (done: number) => void;
}

export interface FuzzReport {
  readonly cases: number;
  /** How often each outcome came up. */
  readonly outcomes: Readonly<Record<string, number>>;
  /** The most memory that one process had, in MiB. */
  readonly peakMiB: number;
  readonly failures: readonly { readonly number: number; readonly problem: string }[];
}

/** Longer than the stages of an upload and the grace of each together: this is for what even they cannot end. */
const HANG_MS = 120_000;

/** Tries mutated media in processes of their own. One that crashes or hangs is replaced, and its case is a failure. */
export async function fuzz(options: FuzzOptions): Promise<FuzzReport> {
  const outcomes: Record<string, number> = {};
  const failures: { number: number; problem: string }[] = [];
  let cases = 0;
  let peakMiB = 0;
  await Promise.all(Array.from({ length: options.workers }, (_, index) => lives(options.from + index)));
  return { cases, outcomes, peakMiB, failures: failures.sort((a, b) => a.number - b.number) };

  /** One process after the other, until all the cases of this place are done. */
  async function lives(first: number): Promise<void> {
    for (let from = first; from < options.to; ) {
      const { begun, end } = await life(from);
      if (end === undefined) return;
      if (begun === undefined) throw new Error(`A worker ended before its first case: ${end}`);
      settle(begun, "crashed", end);
      from = begun + options.workers;
    }
  }

  /** @returns the case that was begun last, and how the process ended, unless it came to its end */
  async function life(from: number): Promise<{ begun: number | undefined; end: string | undefined }> {
    const folder = mkdtempSync(join(tmpdir(), "fuzz-"));
    const { seed, to, workers: step, sabotage, kind = "images" } = options;
    const plan: WorkerPlan = { seed, kind, from, to, step, folder, sabotage };
    const program = fileURLToPath(new URL("fuzz-worker.ts", import.meta.url));
    const child = spawn(process.execPath, ["--import", "tsx", program, JSON.stringify(plan)], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    let begun: number | undefined;
    let hung = false;
    let complaints = "";
    const onHang = () => {
      hung = true;
      child.kill("SIGKILL");
    };
    let watch = setTimeout(onHang, HANG_MS); // it has yet to start
    child.stderr.on("data", (data) => {
      complaints = `${complaints}${data}`.slice(-1000);
    });
    createInterface({ input: child.stdout }).on("line", (line) => {
      const message: Message = JSON.parse(line);
      if ("begun" in message) {
        begun = message.begun;
        clearTimeout(watch);
        watch = setTimeout(onHang, options.hangMs ?? HANG_MS);
        return;
      }
      peakMiB = Math.max(peakMiB, message.peakMiB);
      settle(message.done, message.outcome, message.problem);
    });
    const [code, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (...ended) => resolve(ended));
    });
    clearTimeout(watch);
    const left = readdirSync(folder).filter((name) => !["original", "temporary"].includes(name));
    if (left.length > 0) failures.push({ number: begun ?? from, problem: `files are left: ${left}` });
    rmSync(folder, { recursive: true });
    if (code === 0) return { begun, end: undefined };
    return { begun, end: hung ? "it hung" : `the process ended with ${signal ?? code} ${complaints}`.trim() };
  }

  function settle(number: number, outcome: string, problem?: string): void {
    cases++;
    outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
    if (problem !== undefined) failures.push({ number, problem });
    options.onProgress?.(cases);
  }
}
