import type { UploadChanges } from "../../contracts/repository.js";
import type { UploadRecord } from "../../contracts/upload.js";

/** An upload as this repository hands it out: what has no value is `null`. */
export interface PostgresUpload extends UploadRecord {
  /** The order of creation. `listUploads` goes on behind it, also when the row has been deleted. */
  readonly sequence: number;
  readonly createdAt: Date;
  /** When a value last changed; a renewed lease alone does not count. */
  readonly updatedAt: Date;
}

interface Column<Value> {
  readonly name: string;
  readonly type: string;
  readonly encode: (value: Value) => string;
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
  metadata: { name: "metadata", type: "jsonb", encode: encodeJson },
  aiVersion: text("ai_version"),
  errorCode: text("error_code"),
  errorStage: text("error_stage"),
  errorMessage: prose("error_message"),
  starts: { name: "starts", type: "integer", encode: String },
};

export const UPLOAD_FIELDS = Object.keys(UPLOAD_COLUMNS) as (keyof UploadRecord)[];

/** What `updateUpload` may write. */
export const CHANGE_FIELDS: readonly (keyof UploadChanges)[] = [
  ...(["status", "thumbnailKey", "description", "embedding", "metadata", "aiVersion"] as const),
  ...(["errorCode", "errorStage", "errorMessage", "starts"] as const),
];

/** A field's value as the text that its column is written from. */
export function encode<Field extends keyof UploadRecord>(field: Field, value: UploadRecord[Field]): string | null {
  const column: ColumnOf<Field> = UPLOAD_COLUMNS[field];
  return value === null || value === undefined ? null : column.encode(value);
}

/** What to select for {@link toUpload}. The embedding as text is the same for `vector` and `real[]`, but for its brackets. */
export const SELECT_UPLOAD = [
  "sequence",
  ...UPLOAD_FIELDS.map((field) => {
    const { name } = UPLOAD_COLUMNS[field];
    return field === "embedding" ? "embedding::text" : `${name} as "${field}"`;
  }),
  'created_at as "createdAt"',
  'updated_at as "updatedAt"',
].join(", ");

/** A row of {@link SELECT_UPLOAD}: `pg` reads a bigint as a string, PGlite as a number. */
export interface UploadRow extends Omit<UploadRecord, "fileSize" | "embedding"> {
  readonly sequence: string | number;
  readonly fileSize: string | number | null;
  readonly embedding: string | null;
  readonly createdAt: string | Date;
  readonly updatedAt: string | Date;
}

export function toUpload(row: UploadRow): PostgresUpload {
  return {
    ...row,
    sequence: Number(row.sequence),
    fileSize: row.fileSize === null ? null : Number(row.fileSize),
    embedding: row.embedding === null ? null : decodeVector(row.embedding),
    createdAt: new Date(row.createdAt),
    updatedAt: new Date(row.updatedAt),
  };
}

/** A vector as the text of a `real[]`, or with other brackets of a pgvector. */
export function encodeVector(vector: ArrayLike<number>, brackets: "{}" | "[]" = "{}"): string {
  // What is too small for a real is 0: PostgreSQL would refuse it.
  const components = Array.from(vector, (value) => (Math.fround(value) === 0 ? 0 : value));
  return `${brackets[0]}${components.join()}${brackets[1]}`;
}

function decodeVector(text: string): number[] {
  const inner = text.slice(1, -1);
  return inner === "" ? [] : inner.split(",").map(Number);
}

/** PostgreSQL refuses a NUL and half a surrogate pair in jsonb; a model may well return either. Escaped backslashes are left alone. */
function encodeJson(value: Readonly<Record<string, unknown>>): string {
  return JSON.stringify(value).replace(/\\\\|\\u0000|\\ud[89a-f][0-9a-f]{2}/g, (escaped) => {
    if (escaped === "\\\\") return escaped;
    return escaped === "\\u0000" ? "" : "\ufffd";
  });
}

/** For ids and keys, where a NUL is an error: without it they would name something else. */
function text<Value extends string>(name: string): Column<Value> {
  return { name, type: "text", encode: (value) => value };
}

/** For texts that people read: PostgreSQL cannot store a NUL, and nobody misses it. */
function prose(name: string): Column<string> {
  return { name, type: "text", encode: (value) => value.replaceAll("\0", "") };
}
