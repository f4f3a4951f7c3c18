import type { MissingField, UploadFilter, UploadSelection } from "../contracts/repository.js";
import type { UploadRecord, UploadStatus } from "../contracts/upload.js";
import { ConfigurationError } from "../errors.js";
import { expected, requireEach, requireKnown, requireMembers } from "../validate.js";

const KEYS = ["batchId", "userId", "ids", "statuses", "errorCodes", "notAiVersion", "missing"] as const;

/** The keys that are lists, and what may stand in them: any text, or one of these. */
const LISTS: Readonly<Record<string, readonly string[] | null>> = {
  ids: null,
  errorCodes: null,
  statuses: ["pending", "analyzing", "embedding", "completed", "failed"] satisfies UploadStatus[],
  missing: ["thumbnailKey", "embedding", "metadata.…"],
};

/** As `metadata.media.renditions.large`. */
const METADATA_PATH = /^metadata(?:\.[\w-]+)+$/;

/** @throws ConfigurationError for what would select by accident: nothing at all, a key without a value, a key unknown */
export function requireSelection(selection: unknown): UploadSelection {
  requireMembers("selection", selection, []);
  const given = selection as Readonly<Record<string, unknown>>;
  const keys = Object.keys(given);
  for (const key of keys) {
    if (given[key] === undefined) throw expected(`selection.${key}`, "a value; leave the key out otherwise", undefined);
  }
  if (given.all !== undefined) {
    if (given.all === true && keys.length === 1) return selection as UploadSelection;
    const shown = keys.length === 1 ? `{ all: ${String(given.all)} }` : `{ ${keys.join(", ")} }`;
    throw new ConfigurationError(`selection: expected { all: true } alone, got ${shown}`);
  }
  requireKnown("selection", given, KEYS);
  if (keys.length === 0) throw new ConfigurationError("selection: expected { all: true } or at least one key, got {}");
  for (const [key, known] of Object.entries(LISTS)) {
    const list = given[key];
    if (list === undefined) continue;
    // One that does not exist is lacking everywhere: it would select everything.
    const passes = (one: unknown) => {
      if (typeof one !== "string") return false;
      return known === null || known.includes(one) || (key === "missing" && METADATA_PATH.test(one));
    };
    requireEach(`selection.${key}`, list, passes, known === null ? "a text" : `one of ${known.join(", ")}`);
  }
  for (const key of ["batchId", "userId", "notAiVersion"]) {
    if (given[key] !== undefined && typeof given[key] !== "string")
      throw expected(`selection.${key}`, "a text", given[key]);
  }
  return selection as UploadSelection;
}

/** A copy without the key `all`. */
export function filterOf(selection: UploadSelection): UploadFilter {
  return "all" in selection ? {} : { ...selection };
}

/** Whether an upload is one of a selection. */
export function selects(selection: UploadSelection, upload: UploadRecord): boolean {
  const { batchId, userId, ids, statuses, errorCodes, notAiVersion, missing } = filterOf(selection);
  if (batchId !== undefined && upload.batchId !== batchId) return false;
  if (userId !== undefined && upload.userId !== userId) return false;
  if (ids !== undefined && !ids.includes(upload.id)) return false;
  if (statuses !== undefined && !statuses.includes(upload.status)) return false;
  if (errorCodes !== undefined && (upload.errorCode == null || !errorCodes.includes(upload.errorCode))) return false;
  if (notAiVersion !== undefined && upload.aiVersion === notAiVersion) return false;
  if (missing === undefined) return true;
  return missing.some((field) => lacks(upload, field));
}

function lacks(upload: UploadRecord, field: MissingField): boolean {
  if (field === "embedding") return !upload.embedding?.length;
  if (field === "thumbnailKey") return !upload.thumbnailKey;
  let value: unknown = upload;
  for (const key of field.split(".")) {
    // By keys of objects, not by places in arrays and texts.
    if (typeof value !== "object" || value === null || Array.isArray(value) || !Object.hasOwn(value, key)) return true;
    value = (value as Record<string, unknown>)[key];
  }
  return value == null;
}
