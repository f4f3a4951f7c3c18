import type { BatchRecord, UploadRecord } from "../../contracts/upload.js";
import { UPLOAD_COLUMNS, UPLOAD_FIELDS } from "./columns.js";
import { decodeVector } from "./values.js";

/** An upload as this repository hands it out: what has no value is `null`. */
export interface PostgresUpload extends UploadRecord {
  /** The order of creation. `listUploads` goes on behind it, also when the row has been deleted. */
  readonly sequence: number;
  readonly createdAt: Date;
  /** When a value last changed; a renewed lease alone does not count. */
  readonly updatedAt: Date;
}

type Texts<Field extends string> = { readonly [Name in Field]: string | null };

/** A row of {@link SELECT_UPLOAD}. */
export type UploadRow = Texts<Exclude<keyof UploadRecord, "id" | "storageKey" | "status">> &
  Pick<UploadRecord, "id" | "storageKey" | "status"> & {
    readonly sequence: string;
    readonly createdAt: string;
    readonly updatedAt: string;
  };

/**
 * What to select for {@link toUpload}, every column as text and every time in milliseconds: a pool may have parsers of its
 * user's own, which make a BigInt of a number, leave JSON as text, or make a time what their other code wants. Text alone
 * comes the same through all of them.
 */
export const SELECT_UPLOAD = [
  "sequence::text",
  ...UPLOAD_FIELDS.map((field) => {
    const { name, type } = UPLOAD_COLUMNS[field];
    return `${name}${type === "text" ? "" : "::text"} as "${field}"`;
  }),
  `${milliseconds("created_at")} as "createdAt"`,
  `${milliseconds("updated_at")} as "updatedAt"`,
].join(", ");

export function toUpload(row: UploadRow): PostgresUpload {
  return {
    ...row,
    sequence: Number(row.sequence),
    fileSize: row.fileSize === null ? null : Number(row.fileSize),
    starts: Number(row.starts),
    embedding: row.embedding === null ? null : decodeVector(row.embedding),
    metadata: row.metadata === null ? null : JSON.parse(row.metadata),
    draft: row.draft === null ? null : JSON.parse(row.draft),
    createdAt: new Date(Number(row.createdAt)),
    updatedAt: new Date(Number(row.updatedAt)),
  };
}

export const SELECT_BATCH = 'id, status, user_id as "userId"';

/** Without what else the row has: a client may add members of its own. */
export function toBatch({ id, status, userId }: BatchRecord): BatchRecord {
  return { id, status, userId };
}

function milliseconds(column: string): string {
  return `(extract(epoch from ${column}) * 1000)::text`;
}
