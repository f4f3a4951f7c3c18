import type { UploadChanges } from "../../contracts/repository.js";
import type { UploadRecord } from "../../contracts/upload.js";
import { encodeJson, encodeVector } from "./values.js";

interface Column<Value> {
  readonly name: string;
  readonly type: string;
  readonly encode: (value: Value) => string;
  /** `metadata` and `draft`: a write replaces their keys one by one. */
  readonly merged?: true;
}

type ColumnOf<Field extends keyof UploadRecord> = Column<NonNullable<UploadRecord[Field]>>;

/**
 * Values travel as text and are cast by the statement, because the clients do not agree on the rest: `pg` makes an array of
 * a `number[]`, PGlite asks the database what it expects.
 */
export const UPLOAD_COLUMNS: { readonly [Field in keyof Required<UploadRecord>]: ColumnOf<Field> } = {
  id: text("id"),
  storageKey: text("storage_key"),
  status: text("status"),
  batchId: text("batch_id"),
  userId: text("user_id"),
  fileName: prose("file_name"),
  fileSize: { name: "file_size", type: "bigint", encode: String },
  mimeType: text("mime_type"),
  thumbnailKey: text("thumbnail_key"),
  description: prose("description"),
  // pgvector casts a real[] to its own type when it is assigned to one of its columns.
  embedding: { name: "embedding", type: "real[]", encode: (value) => encodeVector(value) },
  metadata: { name: "metadata", type: "jsonb", encode: encodeJson, merged: true },
  aiVersion: text("ai_version"),
  errorCode: text("error_code"),
  errorStage: text("error_stage"),
  errorMessage: prose("error_message"),
  starts: { name: "starts", type: "integer", encode: String },
  draft: { name: "draft", type: "jsonb", encode: encodeJson, merged: true },
};

export const UPLOAD_FIELDS = Object.keys(UPLOAD_COLUMNS) as (keyof UploadRecord)[];

/** What `updateUpload` may write. */
const CHANGE_FIELDS = [
  "status",
  "thumbnailKey",
  "description",
  "embedding",
  "metadata",
  "aiVersion",
  "errorCode",
  "errorStage",
  "errorMessage",
  "starts",
  "draft",
] as const satisfies readonly (keyof UploadChanges)[];

/** A field's value as the text that its column is written from. */
export function encode<Field extends keyof UploadRecord>(field: Field, value: UploadRecord[Field]): string | null {
  const column: ColumnOf<Field> = UPLOAD_COLUMNS[field];
  return value === null || value === undefined ? null : column.encode(value);
}

/** What is assigned to the columns of the table `upload`; `bind` answers with the placeholder of a value. */
export function assignments(changes: UploadChanges, bind: (value: string | null) => string): string[] {
  return CHANGE_FIELDS.filter((field) => changes[field] !== undefined).map((field) => {
    const { name, type, merged } = UPLOAD_COLUMNS[field];
    // A draft is written in parts, as the stages make them: the whole one has been checked by its type.
    const value = changes[field] as UploadRecord[typeof field];
    const placeholder = `${bind(encode(field, value))}::text::${type}`;
    if (merged !== true || value === null) return `${name} = ${placeholder}`;
    return `${name} = ${stored(name)} || ${placeholder}`;
  });
}

/** A column of JSON to add keys to: nothing there, or a JSON `null`, is an object without keys. */
export function stored(column: "metadata" | "draft" | (string & {})): string {
  return `coalesce(nullif(upload.${column}, 'null'), '{}')`;
}

/** For ids and keys, where a NUL is an error: without it they would name something else. */
function text<Value extends string>(name: string): Column<Value> {
  return { name, type: "text", encode: (value) => value };
}

/** For texts that people read: PostgreSQL cannot store a NUL, and nobody misses it. */
function prose(name: string): Column<string> {
  return { name, type: "text", encode: (value) => value.replaceAll("\0", "") };
}
