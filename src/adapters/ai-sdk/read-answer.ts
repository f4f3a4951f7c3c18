import type { Usage } from "../../contracts/ai.js";
import { at } from "./at.js";
import { brokenAnswer } from "./broken-answer.js";
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

/** Flat in v2, `{ inputTokens: { total } }` later. The output has the reasoning in it, which is paid for like the rest. */
export function readUsage(told: unknown): Usage {
  const usage: { inputTokens?: number; outputTokens?: number; totalTokens?: number } = {};
  const input = countOf(at(told, "inputTokens"));
  const ownTotal = countOf(at(told, "totalTokens")) ?? countOf(at(at(told, "raw"), "total_tokens"));
  const output = withReasoning(told, input, ownTotal);
  const sum = input !== undefined && output !== undefined ? input + output : input;
  const total = ownTotal === undefined ? sum : Math.max(ownTotal, sum ?? 0);
  if (input !== undefined) usage.inputTokens = input;
  if (output !== undefined) usage.outputTokens = output;
  if (total !== undefined) usage.totalTokens = total;
  return usage;
}

/**
 * Most services count the reasoning in their output; some tell it beside, and providers hand both on as they are. It was beside
 * where it is more than the output, or where the total has room for it.
 */
function withReasoning(told: unknown, input: number | undefined, total: number | undefined): number | undefined {
  const output = countOf(at(told, "outputTokens"));
  const reasoning = countOf(at(told, "reasoningTokens") ?? at(at(told, "outputTokens"), "reasoning")) ?? 0;
  const known = output ?? 0;
  const hasRoom = input !== undefined && total !== undefined && input + known + reasoning <= total;
  return reasoning > 0 && (reasoning > known || hasRoom) ? known + reasoning : output;
}

function countOf(value: unknown): number | undefined {
  const count = typeof value === "number" ? value : at(value, "total");
  return typeof count === "number" && Number.isFinite(count) && count >= 0 ? count : undefined;
}

export function readWarnings(warnings: unknown): readonly unknown[] {
  return Array.isArray(warnings) ? warnings : [];
}
