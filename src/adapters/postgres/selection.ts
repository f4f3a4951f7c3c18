import type { MissingField, UploadFilter, UploadSelection } from "../../contracts/repository.js";
import { ConfigurationError, unknownOption } from "../../errors.js";
import { OPEN } from "./parameters.js";
import { canBeThere } from "./values.js";

type Condition<Key extends keyof UploadFilter> = (
  value: NonNullable<UploadFilter[Key]>,
  bind: (value: unknown) => string,
) => string;

function lacks(field: MissingField, bind: (value: unknown) => string): string {
  if (field === "thumbnailKey") return "thumbnail_key is null";
  if (field === "embedding") return "embedding is null";
  // By keys of objects: `#>>` would take a number for a place in an array.
  const keys = field.split(".").slice(1);
  const arrows = keys.map((key, index) => `${index < keys.length - 1 ? "->" : "->>"} ${bind(key)}::text`);
  return `${["metadata", ...arrows].join(" ")} is null`;
}

/** The condition that a column has this text. */
export function isText(column: string, text: string, bind: (value: unknown) => string): string {
  return canBeThere(text) ? `${column} = ${bind(text)}::text` : "false";
}

const CONDITIONS: { readonly [Key in keyof Required<UploadFilter>]: Condition<Key> } = {
  batchId: (batchId, bind) => isText("batch_id", batchId, bind),
  userId: (userId, bind) => isText("user_id", userId, bind),
  ids: (ids, bind) => `id = any(${bind(ids.filter(canBeThere))}::text[])`,
  statuses(statuses, bind) {
    // Not `status = any(…)`: with stale statistics the planner takes the index on the status for it, and every page then
    // sorts all that is left of the batch.
    const listed = `array_position(${bind(statuses)}::text[], status) is not null`;
    // Said in the words of the partial indexes, which the planner uses for nothing else.
    const open = statuses.every((status) => status !== "completed" && status !== "failed");
    return open ? `status in ${OPEN} and ${listed}` : listed;
  },
  errorCodes: (codes, bind) => `error_code = any(${bind(codes.filter(canBeThere))}::text[])`,
  notAiVersion: (version, bind) =>
    canBeThere(version) ? `ai_version is distinct from ${bind(version)}::text` : "true",
  missing: (fields, bind) =>
    fields.length > 0 ? `(${fields.map((field) => lacks(field, bind)).join(" or ")})` : "false",
};

const KEYS = Object.keys(CONDITIONS) as (keyof UploadFilter)[];

/**
 * The conditions that hold for what is selected; none for all.
 *
 * @throws ConfigurationError for a selection without a key, or with one that is `undefined` or unknown: it would select more
 * than was meant
 */
export function conditionsOf(selection: UploadSelection, bind: (value: unknown) => string): string[] {
  if (typeof selection !== "object" || selection === null)
    throw new ConfigurationError(`selection: expected an object such as { batchId: "1" }, got ${typeof selection}`);
  const given: UploadFilter & { all?: unknown } = selection;
  for (const [key, value] of Object.entries(given)) {
    if (key !== "all" && !(key in CONDITIONS)) throw unknownOption("selection", key, ["all", ...KEYS]);
    if (value === undefined) throw new ConfigurationError(`selection.${key}: expected a value, got undefined`);
  }
  const keys = KEYS.filter((key) => key in given);
  if (given.all !== true && keys.length === 0)
    throw new ConfigurationError("selection: expected { all: true } or a filter with at least one key, got neither");
  return keys.map((key) => condition(key, given, bind));
}

function condition<Key extends keyof UploadFilter>(
  key: Key,
  filter: UploadFilter,
  bind: (value: unknown) => string,
): string {
  const value = filter[key];
  return value === undefined ? "true" : CONDITIONS[key](value, bind);
}
