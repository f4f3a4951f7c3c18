import type { AIAdapter, MediaFacts } from "./contracts/ai.js";
import type { Stage, StageAnswer } from "./contracts/stage.js";
import type { UploadDraft, UploadRecord } from "./contracts/upload.js";

/**
 * Whether people may see the upload's result: it is completed, or is being done again while the old result stands. What
 * galleries and searches filter by, instead of the status alone.
 */
export function hasResult(upload: Pick<UploadRecord, "status" | "draft">): boolean {
  return upload.status === "completed" || upload.draft?.was === "completed";
}

/**
 * The keys of every object that the library made of an upload: its thumbnail and renditions, and those of a redo. For endpoints that delete
 * uploads: delete the row, call `abortUpload`, then delete these. The original is not among them.
 */
export function derivedKeys(upload: UploadRecord): readonly string[] {
  const keys = [...pictureKeys(upload), ...pictureKeys(upload.draft ?? {})];
  return [...new Set(keys)].filter((key) => key !== upload.storageKey);
}

/** The keys of the pictures that a row names, or the draft of one. */
export function pictureKeys(
  source: Pick<UploadRecord, "thumbnailKey" | "metadata"> & Pick<UploadDraft, "leftovers">,
): readonly string[] {
  const keys: unknown[] = [source.thumbnailKey];
  const renditions = Object(Object(source.metadata?.media).renditions);
  for (const rendition of Object.values(renditions)) keys.push(Object(rendition).key);
  if (Array.isArray(source.leftovers)) keys.push(...source.leftovers);
  return keys.filter((key): key is string => typeof key === "string" && key !== "");
}

/**
 * What was measured and made of the original, as it is stored in `metadata.media`; `null` before. While a completed upload is done
 * again: the new facts, and the renditions and the placeholder of the result that stands.
 */
export function mediaFacts(upload: UploadRecord): MediaFacts | null {
  const { draft } = upload;
  const stored: unknown = upload.metadata?.media;
  const fresh: unknown = draft?.metadata?.media;
  if (!isObject(fresh)) return isObject(stored) ? stored : null;
  if (!isObject(stored) || draft?.was !== "completed") return fresh;
  const { renditions, placeholder, ...measured } = fresh as MediaFacts;
  const { renditions: standing, placeholder: shown } = stored as MediaFacts;
  return Object.assign(measured, standing && { renditions: standing }, shown !== undefined && { placeholder: shown });
}

/**
 * What a stage of yours answered for this upload, with its type; `undefined` before it has run. While it is done again: the new
 * answer, where there is one.
 *
 * @example
 * const palette = defineStage({ name: "palette", run: async (media) => ({ colours: await coloursOf(media) }) });
 * stageResult(upload, palette)?.colours;
 */
export function stageResult<R extends StageAnswer>(
  upload: UploadRecord,
  stage: Pick<Stage<never, R>, "name" | "run">,
): R | undefined {
  const result = upload.draft?.metadata?.[stage.name] ?? upload.metadata?.[stage.name];
  return isObject(result) ? (result as R) : undefined;
}

/** What is stored as `aiVersion`: the adapter's version as a text, or `describe=… embed=…`; `null` without one. */
export function aiVersionOf(ai: Pick<AIAdapter, "version">): string | null {
  const { version } = ai;
  if (version === undefined || typeof version === "string") return version ?? null;
  return composeVersion(version.describe, version.embed);
}

/** The part of an adapter's version that belongs to one stage. */
export function versionFor({ version }: Pick<AIAdapter, "version">, stage: "describe" | "embed"): string | undefined {
  return typeof version === "object" ? version[stage] : version;
}

/** Whether an adapter makes vectors. */
export function embeds({ embed, embedMany }: Pick<AIAdapter<never>, "embed" | "embedMany">): boolean {
  return embed !== undefined || embedMany !== undefined;
}

export function composeVersion(describe: string, embed: string): string {
  return `describe=${describe} embed=${embed}`;
}

/** The part of a stored `aiVersion` that belongs to one stage: a plain stamp belongs to both. */
export function versionOfStage(stored: string | null | undefined, stage: "describe" | "embed"): string | null {
  if (stored == null) return null;
  const parts = /^describe=(.*) embed=(.*)$/s.exec(stored);
  return (parts === null ? stored : parts[stage === "describe" ? 1 : 2]) ?? null;
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
