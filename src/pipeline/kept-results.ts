import type { UploadDraft, UploadRecord } from "../contracts/upload.js";
import { aiVersionOf, versionOfStage } from "../records.js";
import { type Results, resultsOf } from "./results.js";
import type { Settings } from "./settings.js";

/**
 * What a redo takes from the row as it is, and does not make anew: everything, or what the same version of its stage made,
 * as the draft says.
 */
export function keptResults<U extends UploadRecord>(row: U, draft: UploadDraft, settings: Settings<U>): Results {
  if (draft.keeps === undefined) return {};
  const results = resultsOf(row);
  if (draft.keeps === "all") return results;
  const { ai } = settings;
  const current = aiVersionOf(ai);
  const isSame = (stage: "describe" | "embed") =>
    versionOfStage(row.aiVersion, stage) === versionOfStage(current, stage);
  const kept: Results = {};
  if (results.thumbnailKey !== undefined && isOwnThumbnail(row, settings)) kept.thumbnailKey = results.thumbnailKey;
  // What a redo has described anew is embedded anew.
  const keepsDescription = draft.description === undefined && isSame("describe");
  if (keepsDescription && results.description !== undefined) kept.description = results.description;
  if (keepsDescription && isSame("embed") && results.embedding !== undefined) kept.embedding = results.embedding;
  const metadata: Record<string, unknown> = {};
  for (const { name, before } of settings.stages) {
    // A stage behind the description may have read it.
    const dependsOnIt = before === "embed" || before === "save";
    const result = row.metadata?.[name];
    if (result !== undefined && (keepsDescription || !dependsOnIt)) metadata[name] = result;
  }
  kept.metadata = metadata;
  return kept;
}

/** A thumbnail under another key than these settings give it is made anew. */
function isOwnThumbnail<U extends UploadRecord>(row: U, { thumbnail }: Settings<U>): boolean {
  if (thumbnail === false) return true;
  try {
    return thumbnail.key(row) === row.thumbnailKey;
  } catch {
    return true; // told when one is made
  }
}
