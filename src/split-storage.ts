import type { StorageAdapter } from "./contracts/storage.js";
import { requireKnown, requireMembers } from "./validate.js";

/** What {@link splitStorage} is made of. */
export interface SplitStorages {
  /** Is only ever read. */
  readonly originals: StorageAdapter;
  /** Where thumbnails, and all else that is made of uploads, are written and deleted. */
  readonly derived: StorageAdapter;
}

const STORAGES = ["originals", "derived"] as const;

/**
 * One storage out of two: `open` reads from `originals`, `write` and `delete` go to `derived`. For two buckets, of which one
 * is private and the other is served, or of which only one may be written to.
 *
 * The library opens nothing but originals and deletes nothing but what it made, so it can do without any right to write or
 * delete originals. An endpoint that deletes uploads deletes `derivedKeys(upload)` here, and the original in its own storage.
 *
 * @throws ConfigurationError when one of them is no storage
 * @example
 * const storage = splitStorage({
 *   originals: s3Storage({ client, bucket: "originals" }),
 *   derived: s3Storage({ client, bucket: "public", cacheControl: "public, max-age=31536000" }),
 * });
 */
export function splitStorage(storages: SplitStorages): StorageAdapter {
  requireMembers("splitStorage", storages, STORAGES, "object");
  requireKnown("splitStorage", storages, STORAGES);
  const { originals, derived } = storages;
  for (const [name, storage] of Object.entries({ originals, derived }))
    requireMembers(`splitStorage.${name}`, storage, ["open", "write", "delete"]);
  return {
    open: (key, options) => originals.open(key, options),
    write: (key, data, options) => derived.write(key, data, options),
    delete: (key) => derived.delete(key),
  };
}
