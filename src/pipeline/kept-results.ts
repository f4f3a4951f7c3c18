import { atOnce } from "../async/at-once.js";
import type { MediaFacts } from "../contracts/ai.js";
import type { UploadDraft, UploadRecord } from "../contracts/upload.js";
import { aiVersionOf, versionOfStage } from "../records.js";
import { mediaOf } from "./media-facts.js";
import type { PictureOptions } from "./picture-options.js";
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
  for (const stage of settings.stages) {
    const result = row.metadata?.[stage.name];
    if (result !== undefined && (keepsDescription || !mayReadDescription(stage))) metadata[stage.name] = result;
  }
  const pictures = ownPictures(row, settings);
  if (pictures !== undefined) metadata.media = pictures;
  kept.metadata = metadata;
  return kept;
}

/**
 * What a redo has made so far. When it took the description from the row before it was interrupted, and makes it anew by now, as
 * where the model was replaced meanwhile, then what it made of the old one is not taken: it would be of another description.
 */
export function madeResults<U extends UploadRecord>(
  draft: UploadDraft,
  kept: Results,
  { stages }: Pick<Settings<U>, "stages">,
): Results {
  const made = resultsOf(draft);
  if (made.description !== undefined || kept.description !== undefined) return made;
  delete made.embedding;
  delete made.aiVersion;
  if (made.metadata !== undefined) {
    const stale = new Set(stages.filter(mayReadDescription).map(({ name }) => name));
    made.metadata = Object.fromEntries(Object.entries(made.metadata).filter(([name]) => !stale.has(name)));
  }
  return made;
}

/** Whether a stage is behind the description. */
export function mayReadDescription({ before }: { readonly before?: string | undefined }): boolean {
  return before === "embed" || before === "save";
}

/** The renditions that lie under the keys that these settings give them, and the placeholder. */
function ownPictures<U extends UploadRecord>(row: U, { renditions }: Settings<U>): MediaFacts | undefined {
  const media = mediaOf(row);
  if (media?.renditions === undefined && media?.placeholder === undefined) return undefined;
  const own = Object.entries(media.renditions ?? {}).filter(([name, { key }]) => {
    const settings = renditions.get(name);
    return settings !== undefined && isOwnKey(row, settings, key);
  });
  const kept = { renditions: Object.fromEntries(own) };
  return media.placeholder === undefined ? kept : Object.assign(kept, { placeholder: media.placeholder });
}

/** A thumbnail under another key than these settings give it is made anew. */
function isOwnThumbnail<U extends UploadRecord>(row: U, { thumbnail }: Settings<U>): boolean {
  return thumbnail === false || isOwnKey(row, thumbnail, row.thumbnailKey);
}

function isOwnKey<U extends UploadRecord>(row: U, settings: PictureOptions<U>, key: unknown): boolean {
  try {
    return atOnce("key", settings.key(row)) === key;
  } catch {
    return true; // told when one is made
  }
}
