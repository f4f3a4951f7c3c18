import type { UploadChanges } from "../contracts/repository.js";
import type { UploadDraft, UploadRecord } from "../contracts/upload.js";
import { aiVersionOf, embeds } from "../records.js";
import { mayReadDescription } from "./kept-results.js";
import { mediaOf, mergeMedia, picturesIn, wantedFacts } from "./media-facts.js";
import { isEmpty, type Results } from "./results.js";
import type { Settings } from "./settings.js";

/** `undefined` for what is no number: NaN would be in quarantine for ever, and a text grow by a digit at each start. */
export function startsOf({ starts }: UploadRecord): number | undefined {
  return starts != null && Number.isSafeInteger(Number(starts)) ? Number(starts) : undefined;
}

/** Results as column values: of the row, or of its draft. */
export function asColumns(results: Results, made: Results, ofDraft: UploadDraft | null): UploadChanges {
  if (isEmpty(results)) return {};
  if (ofDraft === null) return Object.assign({}, results);
  const draft: { -readonly [Key in keyof UploadDraft]?: UploadDraft[Key] } = Object.assign({}, results);
  // A draft is merged at its top level alone, so its metadata is written whole.
  if (results.metadata !== undefined && made.metadata !== undefined) draft.metadata = made.metadata;
  if (results.description !== undefined) {
    // Of another description, see `madeResults`: whoever goes on with this draft must not take them for results of this one.
    if (ofDraft.embedding?.length && results.embedding === undefined) draft.embedding = [];
    if (ofDraft.aiVersion && results.aiVersion === undefined) draft.aiVersion = "";
  }
  return { draft };
}

/** The result in the row before the redo is completed: who goes on with the draft removes what is left of the old objects. */
export function replacing({ status: _, ...result }: UploadChanges, leftovers: readonly string[]): UploadChanges {
  return Object.assign(result, { draft: { leftovers } });
}

/**
 * Moves what a redo has made over to the row. Description, embedding and stamp replace those of the row together; a thumbnail only
 * if one was made.
 */
export function redone<U extends UploadRecord>(
  draft: UploadDraft,
  made: Results,
  row: U,
  { ai, facts, stages }: Pick<Settings<U>, "ai" | "facts" | "stages">,
): UploadChanges {
  const { thumbnailKey, description, embedding, metadata } = made;
  const outdated = description === undefined ? [] : stages.filter(mayReadDescription).map(({ name }) => name);
  const changes: UploadChanges = {
    status: "completed",
    metadata: { ...ofOldDescription(row, outdated), ...metadata, redo: draft.redo },
    draft: null,
  };
  const old = mediaOf(row);
  const measured = mediaOf(made);
  // A picture that could not be made anew is the old one, like the thumbnail; what was measured is told of the original as it is.
  const media = measured === undefined ? old : mergeMedia(picturesIn(old ?? {}), measured);
  if (media !== undefined) changes.metadata = { ...changes.metadata, media: wantedFacts(media, facts) };
  if (thumbnailKey !== undefined) changes.thumbnailKey = thumbnailKey;
  if (description !== undefined) changes.description = description;
  if (embedding !== undefined) changes.embedding = embedding;
  // The vector of a description that stays is a vector of it still, also where this adapter makes none.
  else if (description !== undefined && !embeds(ai)) changes.embedding = null;
  // What has no stamp gets none: the old one would say that it is of the old version.
  if (description !== undefined || embedding !== undefined) changes.aiVersion = made.aiVersion ?? null;
  // All of it was found up to date: without the stamp that says so, each reprocess would take it up again.
  else if (draft.keeps === "same-version") changes.aiVersion = aiVersionOf(ai);
  return changes;
}

/** What stages of the user's have made of a description that is replaced: where one of them could not make it anew, nothing is left. */
function ofOldDescription({ metadata }: UploadRecord, stages: readonly string[]): Record<string, null> {
  return Object.fromEntries(stages.filter((name) => metadata?.[name] != null).map((name) => [name, null]));
}
