import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import type { PostgresClient } from "../../../src/adapters/postgres.js";

/** A row, as far as it has to fit to the files. */
export interface StoredRow {
  readonly id: string;
  readonly original: string;
  readonly key: string | null;
  readonly description: string | null;
  /** Completed, with a description, an embedding, the facts of its media, and nothing that is left of a failure. */
  readonly whole: boolean;
}

export interface Stores {
  readonly rows: readonly StoredRow[];
  /** The hashes of all objects but the originals, by their keys. */
  readonly objects: ReadonlyMap<string, string>;
}

/** How many faults may have kept a finished thumbnail from being recorded. */
export interface Explanations {
  readonly uploads: number;
  readonly lostWrites: number;
  readonly withoutThumbnail: number;
}

export async function readStores(client: PostgresClient, objects: string): Promise<Stores> {
  const { rows } = await client.query(`
select id, storage_key as original, thumbnail_key as key, description,
  status = 'completed' and length(description) = 64 and cardinality(embedding) = 8 and starts = 0 and lease_until is null
    and error_code is null and metadata->'media'->>'kind' = 'image' as whole
from upload_processor_uploads`);
  const entries = await readdir(objects, { recursive: true, withFileTypes: true });
  const hashes = new Map<string, string>();
  for (const entry of entries) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const key = relative(objects, path).split(sep).join("/");
    if (key.startsWith("originals/")) continue;
    hashes.set(
      key,
      createHash("sha256")
        .update(await readFile(path))
        .digest("hex"),
    );
  }
  return { rows: rows as StoredRow[], objects: hashes };
}

/** What is wrong with what is left: an empty list when every row has its file and every file its row. */
export function judge({ rows, objects }: Stores, expected: Explanations, keyOf: (id: string) => string): string[] {
  const problems: string[] = [];
  const wrong = (count: number, what: string) => {
    if (count !== 0) problems.push(`${count} ${what}`);
  };
  const owned = new Set(rows.map(({ id }) => keyOf(id)));
  const unrecorded = rows.filter(({ key }) => key === null);
  wrong(rows.length - expected.uploads, "rows too many");
  wrong(rows.filter(({ whole }) => !whole).length, "rows are not whole");
  wrong(rows.filter(({ key }) => key !== null && !objects.has(key)).length, "rows name a thumbnail that is not there");
  wrong(rows.filter(({ id, key }) => key !== null && key !== keyOf(id)).length, "rows name the thumbnail of another");
  wrong([...objects.keys()].filter((key) => !owned.has(key)).length, "files belong to no row");
  wrong(unrecorded.length - expected.withoutThumbnail, "rows without a thumbnail that no event told of");
  // The write was done and its answer lost, five times in a row: the file is there, and the upload went on without it.
  const lost = unrecorded.filter(({ id }) => objects.has(keyOf(id))).length;
  wrong(Math.max(0, lost - expected.lostWrites), "thumbnails more than lost answers explain are not recorded");
  // The same model and the same settings: one original has one description and one thumbnail, and shares them with none.
  const described = mixedUp(rows, ({ description }) => description);
  wrong(described, "originals have several descriptions, or that of another");
  const pictured = mixedUp(rows, ({ id }) => objects.get(keyOf(id)));
  wrong(pictured, "originals have several thumbnails, or that of another");
  return problems;
}

/** How many originals, or values of originals, have more than one on the other side; rows without a value do not count. */
function mixedUp(rows: readonly StoredRow[], read: (row: StoredRow) => string | null | undefined): number {
  const values = new Map<string, Set<string>>();
  const originals = new Map<string, Set<string>>();
  for (const row of rows) {
    const value = read(row);
    if (!value) continue;
    values.set(row.original, (values.get(row.original) ?? new Set()).add(value));
    originals.set(value, (originals.get(value) ?? new Set()).add(row.original));
  }
  return [...values.values(), ...originals.values()].filter(({ size }) => size > 1).length;
}
