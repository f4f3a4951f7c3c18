import { createHash } from "node:crypto";
import type { Settings } from "./options.js";

/**
 * The stamp of what the adapter makes: of the vision model with its prompt and options, and of the embedding model, so that a
 * change of the one does not pay for the other; or what the user gave. A prompt that is a function counts as one prompt,
 * whatever it makes: its source differs from build to build.
 */
export function versionOf(settings: Settings): NonNullable<Settings["version"]> {
  if (settings.version !== undefined) return settings.version;
  const { model, embeddingModel, think, options = {}, prompt, video = "per-frame" } = settings;
  const asked = typeof prompt === "function" ? { by: "function" } : prompt;
  const parts = JSON.stringify([asked, think, video, Object.entries(options).sort(byName)]);
  const describe = `ollama/${model}#${createHash("sha256").update(parts).digest("hex").slice(0, 8)}`;
  return embeddingModel === undefined ? describe : { describe, embed: `ollama/${embeddingModel}` };
}

function byName([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : 1;
}
