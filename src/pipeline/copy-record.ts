import type { UploadRecord } from "../contracts/upload.js";

/** A copy that shares nothing with the record of what the library reads again. Fields of the user's own are shared. */
export function copyRecord<U extends UploadRecord>(record: U): U {
  const { metadata, draft, embedding } = record;
  const copy = Object.assign({}, record);
  return Object.assign(
    copy,
    metadata != null && { metadata: deepCopy(metadata) },
    draft != null && { draft: deepCopy(draft) },
    embedding != null && { embedding: Array.from(embedding) },
  );
}

function deepCopy<T extends object>(value: T): T {
  try {
    return structuredClone(value);
  } catch {
    return Object.assign({}, value); // what is no JSON, as a function, came from the user's own repository
  }
}
