import { expected, milliseconds, requireMethods, requireOptions } from "../check.js";
import type { Channel } from "./channel.js";
import { fitPayload } from "./fit-payload.js";
import { PostgresListener } from "./postgres-listener.js";
import { PostgresNotifier } from "./postgres-notifier.js";
import { Subscribers } from "./subscribers.js";

/** What is asked of the `Pool` of `pg`. */
export interface PostgresPool {
  /** Answers a client that is kept for LISTEN until its `release` is called. */
  connect(): Promise<unknown>;
  query(text: string, values?: unknown[]): Promise<unknown>;
}

/** What is asked of a `PGlite`, which is one connection. */
export interface EmbeddedPostgres {
  listen(channel: string, callback: (payload: string) => void): Promise<() => Promise<void>>;
  query(text: string, values?: unknown[]): Promise<unknown>;
}

export interface PostgresChannelOptions {
  /** The name to LISTEN on, at most 63 bytes. Whoever is to see the same events has the same. @default "upload_processor_progress" */
  readonly name?: string | undefined;
  /**
   * How often the connection of LISTEN is asked whether it is alive, in milliseconds: one that was cut without a word tells nothing
   * by itself. @default 30000
   */
  readonly checkIntervalMs?: number | undefined;
}

/** PostgreSQL refuses 8,000 bytes and more. */
const MOST_BYTES = 7999;
/** What PostgreSQL keeps of a name; LISTEN would cut a longer one, and listen to something else. */
const LONGEST_NAME = 63;

/**
 * A channel over LISTEN and NOTIFY: no server besides the database.
 *
 * - Events are sent by `pool.query`, those that wait in one statement. Listening takes one connection out of the pool for as long as
 *   there is a subscriber, so the pool has to have two at least; a lost one is replaced, with a backoff of up to 10 seconds.
 * - A payload has at most 7,999 bytes. A larger event is cut: first the fields of the record, then texts, then lists. What arrives
 *   has `truncated: true` then.
 * - LISTEN needs a connection of its own: it does not work through a pooler that hands one out per transaction. NOTIFY does.
 *
 * @throws ConfigurationError for what is no pool, or a name that PostgreSQL does not take whole
 * @example
 * const pool = new pg.Pool({ connectionString, connectionTimeoutMillis: 10_000, keepAlive: true });
 * pool.on("error", (error) => log.warn(error, "an idle connection was lost"));   // or a restart of the database ends the process
 * const channel = postgresChannel(pool);
 */
export function postgresChannel(pool: PostgresPool | EmbeddedPostgres, options: PostgresChannelOptions = {}): Channel {
  requireMethods("pool", pool, ["query"]);
  const isEmbedded = "listen" in pool && typeof pool.listen === "function";
  if (!isEmbedded) requireMethods("pool", pool, ["connect"]);
  requireOptions("options", options, ["name", "checkIntervalMs"]);
  const name = readName(options.name ?? "upload_processor_progress");
  const checkIntervalMs = milliseconds("checkIntervalMs", options.checkIntervalMs, 30_000);
  const quoted = `"${name}"`;

  const notifier = new PostgresNotifier(pool, name);
  const subscribers = new Subscribers(async (receiver) => {
    if (isEmbedded) return (pool as EmbeddedPostgres).listen(quoted, receiver.event);
    const listener = new PostgresListener(pool as PostgresPool, quoted, receiver, checkIntervalMs);
    await listener.start();
    return () => listener.stop();
  });
  return {
    publish: async (event) => notifier.send(fitPayload(event, MOST_BYTES)),
    subscribe: subscribers.subscribe,
  };
}

function readName(name: unknown): string {
  const what = `a name of 1 to ${LONGEST_NAME} bytes without quotes and control characters`;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: it is them that are looked for
  if (typeof name !== "string" || name === "" || /[\u0000-\u001f\u007f"]|\p{Surrogate}/u.test(name))
    throw expected("name", what, name);
  const bytes = Buffer.byteLength(name);
  if (bytes > LONGEST_NAME) throw expected("name", what, `${name} (${bytes} bytes)`);
  return name;
}
