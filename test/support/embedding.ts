import { vi } from "vitest";
import type { AIAdapter } from "../../src/index.js";
import { uploadOf, worldOf } from "./fakes.js";

type EmbedMany = NonNullable<AIAdapter["embedMany"]>;

/** A vector that tells which text it is of. */
export const vectorOf = (text: string): number[] => [text.length, Number(/\d+/.exec(text)?.[0] ?? 0), 1];

/** Uploads that are described already, and a model that makes vectors of many texts in one call. */
export function describedWorld(count: number, more: Partial<AIAdapter> = {}) {
  const names = Array.from({ length: count }, (_, index) => `u${String(index).padStart(4, "0")}`);
  const world = worldOf(names.map((id) => uploadOf(id, { description: `Text ${id.slice(1)}` })));
  const embedMany = vi.fn<EmbedMany>(async (inputs) => ({ vectors: inputs.map(({ text }) => vectorOf(text)) }));
  const ai: AIAdapter = { describe: world.ai.describe, embedMany, ...more };
  /** How many texts went into each call. */
  const sizes = () => embedMany.mock.calls.map(([inputs]) => inputs.length);
  const adapters = { storage: world.storage, repository: world.repository, ai };
  return { ...world, names, embedMany, ai, adapters, sizes };
}

export const plain = { thumbnail: false, retry: { minTimeout: 1, maxTimeout: 1, randomize: false } } as const;
