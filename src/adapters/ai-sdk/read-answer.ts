import type { Usage } from "../../contracts/ai.js";
import { UploadError } from "../../errors.js";
import { at } from "./at.js";
import { RawSigns } from "./raw-signs.js";

/** What a model answered, whatever its specification. */
export interface Answer {
  readonly text: string;
  /** In the words of the specification: `stop`, `length`, `content-filter`, `error` … */
  readonly finishReason: string;
  readonly usage: Usage;
  readonly warnings: readonly unknown[];
}

/** Reads what `doGenerate` answered. */
export function readGenerated(result: unknown): Answer {
  const content = at(result, "content");
  if (!Array.isArray(content)) throw brokenAnswer("expected the answer to have content");
  const raw = new RawSigns();
  raw.read(at(at(result, "response"), "body"));
  const texts = content.map((part) => (at(part, "type") === "text" ? at(part, "text") : ""));
  return {
    text: texts.filter((text) => typeof text === "string").join(""),
    finishReason: raw.refused ? "content-filter" : readFinishReason(at(result, "finishReason")),
    usage: readUsage(at(result, "usage")),
    warnings: readWarnings(at(result, "warnings")),
  };
}

/** A text in v2, `{ unified, raw }` later. */
export function readFinishReason(reason: unknown): string {
  const unified = typeof reason === "string" ? reason : at(reason, "unified");
  return typeof unified === "string" ? unified : "unknown";
}

/** Flat in v2, `{ inputTokens: { total } }` later. */
export function readUsage(told: unknown): Usage {
  const usage: { inputTokens?: number; outputTokens?: number; totalTokens?: number } = {};
  const input = countOf(at(told, "inputTokens"));
  const output = countOf(at(told, "outputTokens"));
  const total =
    countOf(at(told, "totalTokens")) ?? (input !== undefined && output !== undefined ? input + output : input);
  if (input !== undefined) usage.inputTokens = input;
  if (output !== undefined) usage.outputTokens = output;
  if (total !== undefined) usage.totalTokens = total;
  return usage;
}

function countOf(value: unknown): number | undefined {
  const count = typeof value === "number" ? value : at(value, "total");
  return typeof count === "number" && Number.isFinite(count) && count >= 0 ? count : undefined;
}

export function readWarnings(warnings: unknown): readonly unknown[] {
  return Array.isArray(warnings) ? warnings : [];
}

/** The service answered, but not with what it should: another call may well be answered. */
export function brokenAnswer(message: string, cause?: unknown): UploadError {
  return new UploadError(`The model's answer is broken: ${message}`, {
    code: "DESCRIBE_FAILED",
    fault: "service",
    stage: "describe",
    cause,
  });
}
