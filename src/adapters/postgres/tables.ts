import { ConfigurationError } from "../../errors.js";

/** The name of a table, ready to be put into SQL. */
export interface Table {
  /** Quoted, with its schema where one was given. */
  readonly sql: string;
  /** The quoted name of one of its indexes, which PostgreSQL puts into the schema of the table. */
  readonly index: (suffix: string) => string;
  /** The same with the schema, to look for it. */
  readonly indexPath: (suffix: string) => string;
}

const NAME = /^[\p{L}_][\p{L}\p{N}_-]*$/u;
/** PostgreSQL cuts names at 63 bytes without an error: this leaves room for the longest suffix of an index. */
const MAX_BYTES = 50;

/** Reads a table's name, plain or as `schema.table`. Upper and lower case are kept. */
export function readTable(option: string, name: unknown): Table {
  const parts = typeof name === "string" ? name.split(".") : [];
  const [table, schema, ...more] = parts.reverse();
  const sound = (part: string) => NAME.test(part) && Buffer.byteLength(part) <= MAX_BYTES;
  if (table === undefined || more.length > 0 || !parts.every(sound))
    throw new ConfigurationError(
      `${option}: expected a name such as "uploads" or "media.uploads" of letters, digits, "_" and "-", each part at most ${MAX_BYTES} bytes long, got ${JSON.stringify(name)}`,
    );
  const within = (quoted: string) => (schema === undefined ? quoted : `"${schema}".${quoted}`);
  const index = (suffix: string) => `"${table}_${suffix}"`;
  return { sql: within(`"${table}"`), index, indexPath: (suffix) => within(index(suffix)) };
}
