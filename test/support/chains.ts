import { vi } from "vitest";
import { type AIAdapter, fallbackAI } from "../../src/index.js";
import { ids, uploadOf, worldOf } from "./fakes.js";

export const plain = { thumbnail: false, retry: { minTimeout: 1, maxTimeout: 1, randomize: false } } as const;
export const once = { ...plain, retry: { maxAttempts: 1 } } as const;
export const down = (more: object = {}) => Object.assign(new Error("down"), { status: 503 }, more);
/** Of an answer that does not pass its audit. */
export const isNot = { ok: false, score: 0.3, issues: ["poor"] };

/** A model that describes by its name. */
export function model(name: string, more: Partial<AIAdapter> = {}) {
  const describeIt = vi.fn<AIAdapter["describe"]>(async ({ upload }) => `${name} of ${upload.id}`);
  return { version: name, ...more, describe: describeIt };
}

/** A chain of two models, with its adapters in memory. */
export function chained(
  count = 1,
  more: { readonly local?: Partial<AIAdapter>; readonly cloud?: Partial<AIAdapter> } = {},
) {
  const world = worldOf(count === 1 ? [uploadOf("a")] : ids(count));
  const local = model("local", { embed: world.ai.embed, ...more.local });
  const cloud = model("cloud", more.cloud);
  const { storage, repository } = world;
  return { world, local, cloud, adapters: { storage, repository, ai: fallbackAI([local, cloud]) } };
}
