import type { AIAdapter, Usage } from "../../src/index.js";
import type { World } from "./fakes.js";

/** A model that tells its usage, and its price: a cent for each token. */
export function priced(world: World, more: Pick<AIAdapter, "price"> = {}): AIAdapter {
  world.ai.describe.mockImplementation(async () => ({ text: "text", usage: { inputTokens: 100, model: "eyes" } }));
  world.ai.embed.mockImplementation(async () => ({ vector: [1, 2], usage: { inputTokens: 10, model: "vectors" } }));
  const price = ({ inputTokens }: Usage) => (inputTokens === undefined ? 0 : inputTokens / 100);
  return { ...world.ai, price, ...more };
}

export const numberOf = (usage: Usage | undefined, key: "requests" | "cost" | "inputTokens") => usage?.[key] ?? 0;
