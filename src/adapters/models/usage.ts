import type { Usage } from "../../contracts/ai.js";
import { messageOf, usageOf } from "../../errors.js";

const COUNTS = ["inputTokens", "outputTokens", "totalTokens", "requests", "images", "durationMs", "cost"] as const;

/** What two calls used up together. What neither of them tells stays unknown. */
export function addUsage(a: Usage | undefined, b: Usage | undefined): Usage {
  const sum: Record<string, number | string> = {};
  for (const key of COUNTS) {
    const [first, second] = [a?.[key], b?.[key]];
    if (first !== undefined || second !== undefined) sum[key] = (first ?? 0) + (second ?? 0);
  }
  const model = b?.model ?? a?.model;
  if (model !== undefined) sum.model = model;
  return sum;
}

/** The usage that a failed call tells of; empty where it tells none. */
export function usageOfError(error: unknown): Usage {
  const usage = usageOf(error);
  return typeof usage === "object" && usage !== null ? (usage as Usage) : {};
}

/**
 * The error of a call that was paid all the same: what it used up is told by `error.usage`, which the library books. The
 * reason of an abort belongs to whoever aborted, so it is not written to.
 */
export function withUsage(error: unknown, usage: Usage, signal: AbortSignal): unknown {
  if (Object.keys(usage).length === 0) return error;
  const isOurs = typeof error === "object" && error !== null && Object.isExtensible(error) && error !== signal.reason;
  const told = isOurs ? error : new Error(messageOf(error), { cause: error });
  return Object.assign(told, { usage });
}

/** A number of pictures that the adapter tells itself stays. */
export function withImages(usage: Usage | undefined, images: number): Usage {
  return usage?.images === undefined && images > 0 ? addUsage(usage, { images }) : (usage ?? {});
}
