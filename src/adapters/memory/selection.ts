import type { UploadFilter, UploadSelection } from "../../contracts/repository.js";
import type { UploadRecord } from "../../contracts/upload.js";
import { ConfigurationError, unknownOption } from "../../errors.js";

type Test = (upload: UploadRecord) => boolean;

/** The test for each key, made once for all uploads: a list may be long. */
const TESTS: { readonly [Key in keyof Required<UploadFilter>]: (wanted: NonNullable<UploadFilter[Key]>) => Test } = {
  batchId: (batchId) => (upload) => upload.batchId === batchId,
  userId: (userId) => (upload) => upload.userId === userId,
  ids: (ids) => {
    const wanted = new Set(ids);
    return ({ id }) => wanted.has(id);
  },
  statuses:
    (statuses) =>
    ({ status }) =>
      statuses.includes(status),
  errorCodes:
    (codes) =>
    ({ errorCode }) =>
      errorCode != null && codes.includes(errorCode),
  notAiVersion: (version) => (upload) => upload.aiVersion !== version,
  missing: (fields) => (upload) => fields.some((field) => (valueAt(upload, field) ?? null) === null),
};

/** What stands at a path such as `metadata.media.placeholder`: by keys of objects, not by places in arrays and texts. */
function valueAt(upload: UploadRecord, path: string): unknown {
  let value: unknown = upload;
  for (const key of path.split(".")) {
    if (typeof value !== "object" || value === null || Array.isArray(value) || !Object.hasOwn(value, key))
      return undefined;
    value = (value as Record<string, unknown>)[key];
  }
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
  const tests = keys.map((key) => testFor(key, given));
  return (upload) => tests.every((test) => test(upload));
}

function testFor<Key extends keyof UploadFilter>(key: Key, filter: UploadFilter): Test {
  const wanted = filter[key];
  return wanted === undefined ? () => false : TESTS[key](wanted);
}
