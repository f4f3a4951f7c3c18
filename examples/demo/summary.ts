import { relative } from "node:path";
import type { BatchResult } from "upload-processor";
import { type StageTimes, TIMED_STAGES } from "./stage-times.js";
import { bold, dim, duration, green, photographs, rate, red } from "./text.js";

const FAILURES_SHOWN = 20;

export interface Summary {
  readonly result: BatchResult;
  /** What earlier runs had settled already. */
  readonly earlier: { readonly completed: number; readonly failed: number };
  /** Of the photographs that were settled in this run. */
  readonly times: readonly StageTimes[];
  readonly nameOf: (uploadId: string) => string;
  /** What was made, by its name for people. */
  readonly paths: Readonly<Record<string, string>>;
}

export function summarize({ result, earlier, times, nameOf, paths }: Summary): string {
  const { completed, failed, durationMs } = result;
  const counts = [
    completed > 0 && green(`${completed} completed`),
    failed > 0 && red(`${failed} failed`),
    earlier.completed > 0 && `${earlier.completed} done in earlier runs`,
    earlier.failed > 0 && `${earlier.failed} failed in earlier runs (--retry-failed tries again)`,
  ].filter(Boolean);
  const settled = completed + failed;
  const speed = settled > 0 ? ` in ${duration(durationMs)} ${dim(`(${rate(settled / (durationMs / 1000))})`)}` : "";
  const lines = ["", `${bold(photographs(result.total ?? settled))}: ${counts.join(", ")}${speed}`];

  for (const { uploadId, error } of result.failures.slice(0, FAILURES_SHOWN))
    lines.push(`  ${red("✗")} ${nameOf(uploadId)}: ${error.code}, ${error.message}`);
  if (failed > FAILURES_SHOWN) lines.push(`  and ${failed - FAILURES_SHOWN} more: they are on the contact sheet`);

  if (settled > 0) lines.push("", ...stageTable(times));
  lines.push("");
  const width = Math.max(...Object.keys(paths).map((name) => name.length));
  for (const [name, path] of Object.entries(paths)) {
    const near = relative("", path);
    lines.push(`${name.padEnd(width)}  ${near.startsWith("..") ? path : near}`);
  }
  return lines.join("\n");
}

function stageTable(times: readonly StageTimes[]): string[] {
  const lines = [dim("stage       photographs   median  slowest")];
  for (const stage of TIMED_STAGES) {
    const took = times.flatMap((each) => each[stage] ?? []).sort((a, b) => a - b);
    const [median, slowest] = [took[Math.floor(took.length / 2)], took.at(-1)];
    if (median === undefined || slowest === undefined) continue;
    lines.push(
      [
        stage.padEnd(9),
        String(took.length).padStart(14),
        duration(median).padStart(9),
        duration(slowest).padStart(9),
      ].join(""),
    );
  }
  return lines;
}
