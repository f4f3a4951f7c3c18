import { createHash } from "node:crypto";
import type { Logger } from "../../contracts/logger.js";
import { ConfigurationError } from "../../errors.js";
import type { PostgresClient } from "./options.js";
import type { Statement } from "./parameters.js";

/** So many statements are prepared at most: each takes memory in every connection of the database. */
const MAX_PREPARED = 100;

/**
 * The library waits for 30 s for an answer. A connection that died without a word would hold its client of the pool for as long as
 * the system takes to notice, which may be a quarter of an hour; `pg` gives it up by this, and its pool makes another one.
 */
const QUERY_TIMEOUT_MS = 35_000;

/** Runs statements; those that are run often are prepared by name, where the client can do that. */
export interface Connection {
  readonly rowsOf: <Row>(statement: Statement) => Promise<Row[]>;
  readonly firstOf: <Row>(statement: Statement) => Promise<Row | undefined>;
}

interface ClientOfPg {
  /** Versions of `pg` before 8.13 pass over the timeout. */
  readonly query: (config: {
    readonly name: string | undefined;
    readonly text: string;
    readonly values: unknown[];
    readonly query_timeout: number | undefined;
  }) => Promise<{ rows: unknown[] }>;
}

/** `prepare`: `undefined` for whether it is a client of `pg`. */
export function connect(
  client: PostgresClient,
  { prepare, logger }: { prepare: boolean | undefined; logger: Logger | undefined },
): Connection {
  const names = new Map<string, string>();
  const isPg = isOfPg(client);
  const takesNames = prepare ?? isPg;
  let looked = false;

  function nameOf({ text, often }: Statement): string | undefined {
    if (!takesNames || often !== true) return undefined;
    const known = names.get(text);
    if (known !== undefined || names.size >= MAX_PREPARED) return known;
    // The same in every process: poolers that know prepared statements share them by name.
    const name = `upload_processor_${createHash("sha256").update(text).digest("hex").slice(0, 32)}`;
    names.set(text, name);
    return name;
  }

  async function rowsOf<Row>(statement: Statement): Promise<Row[]> {
    // Not when the repository is made: the listener may be added in the next line.
    if (!looked) warnOfIdlePool(client, logger);
    looked = true;
    const { text, values, isLong } = statement;
    const name = nameOf(statement);
    const query_timeout = isPg && isLong !== true ? QUERY_TIMEOUT_MS : undefined;
    try {
      const { rows } =
        name === undefined && query_timeout === undefined
          ? await client.query(text, values)
          : await (client as unknown as ClientOfPg).query({ name, text, values, query_timeout });
      return rows as Row[];
    } catch (error) {
      throw isOfSchema(error) ? outOfDate(error) : error;
    }
  }

  return {
    rowsOf,
    async firstOf<Row>(statement: Statement) {
      return (await rowsOf<Row>(statement))[0];
    },
  };
}

/** A table or a column that is not there. */
function isOfSchema(error: unknown): error is Error {
  return error instanceof Error && "code" in error && (error.code === "42P01" || error.code === "42703");
}

function outOfDate(error: Error): ConfigurationError {
  const remedy = "the tables are missing or of an earlier version: call await repository.migrate(), or run schemaSql()";
  return new ConfigurationError(`${error.message}; ${remedy}`, { cause: error });
}

/** Whether it is a client of `pg`, which alone takes a statement as an object: they connect, and are emitters. PGlite is neither. */
function isOfPg(client: PostgresClient): boolean {
  return hasFunction(client, "connect") && hasFunction(client, "listenerCount");
}

function warnOfIdlePool(client: PostgresClient, logger: Logger | undefined): void {
  const pool: PostgresClient & { totalCount?: unknown; listenerCount?: (event: string) => number } = client;
  if (logger === undefined || typeof pool.totalCount !== "number" || typeof pool.listenerCount !== "function") return;
  if (pool.listenerCount("error") > 0) return;
  const message =
    'the pool has no "error" listener, so that a restart of the database ends this process: pool.on("error", …)';
  try {
    // A logger may return a promise: its rejection must not be left unhandled.
    Promise.resolve(logger.warn({}, message)).catch(() => {});
  } catch {
    // A logger that throws is no reason not to work.
  }
}

function hasFunction(value: object, member: string): boolean {
  return typeof (value as Record<string, unknown>)[member] === "function";
}
