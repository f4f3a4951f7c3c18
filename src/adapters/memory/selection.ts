import type { UploadFilter, UploadSelection } from "../../contracts/repository.js";
import type { UploadRecord } from "../../contracts/upload.js";
import { ConfigurationError, unknownOption } from "../../errors.js";

type Test<Key extends keyof UploadFilter> = (upload: UploadRecord, wanted: NonNullable<UploadFilter[Key]>) => boolean;

const TESTS: { readonly [Key in keyof Required<UploadFilter>]: Test<Key> } = {
  batchId: (upload, batchId) => upload.batchId === batchId,
  userId: (upload, userId) => upload.userId === userId,
  ids: (upload, ids) => ids.includes(upload.id),
  statuses: (upload, statuses) => statuses.includes(upload.status),
  errorCodes: (upload, codes) => codes.includes(upload.errorCode ?? ""),
  notAiVersion: (upload, version) => upload.aiVersion !== version,
  missing: (upload, fields) => fields.some((field) => (valueAt(upload, field) ?? null) === null),
};

/** What stands at a path such as `metadata.media.placeholder`. */
function valueAt(upload: UploadRecord, path: string): unknown {
  let value: unknown = upload;
  for (const key of path.split(".")) value = Object.hasOwn(Object(value), key) ? Object(value)[key] : undefined;
  return value;
}

const KEYS = Object.keys(TESTS) as (keyof UploadFilter)[];

/**
 * The test whether an upload is selected.
 *
 * @throws ConfigurationError for a selection without a key, or with one that is `undefined` or unknown: it would select more
 * than was meant
 */
export function selector(selection: UploadSelection): (upload: UploadRecord) => boolean {
  if (typeof selection !== "object" || selection === null)
    throw new ConfigurationError(`selection: expected an object such as { batchId: "1" }, got ${typeof selection}`);
  const given: UploadFilter & { all?: unknown } = selection;
  for (const [key, value] of Object.entries(given)) {
    if (key !== "all" && !(key in TESTS)) throw unknownOption("selection", key, ["all", ...KEYS]);
    if (value === undefined) throw new ConfigurationError(`selection.${key}: expected a value, got undefined`);
  }
  const keys = KEYS.filter((key) => key in given);
  if (given.all !== true && keys.length === 0)
    throw new ConfigurationError("selection: expected { all: true } or a filter with at least one key, got neither");
  return (upload) => keys.every((key) => passes(key, upload, given));
}

function passes<Key extends keyof UploadFilter>(key: Key, upload: UploadRecord, filter: UploadFilter): boolean {
  const wanted = filter[key];
  return wanted !== undefined && TESTS[key](upload, wanted);
}
