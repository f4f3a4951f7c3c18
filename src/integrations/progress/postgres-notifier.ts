import { IN_TIME_MS, inTime } from "./in-time.js";
import type { PostgresPool } from "./postgres-channel.js";

interface Waiting {
  readonly payload: string;
  readonly sent: () => void;
  readonly failed: (error: unknown) => void;
}

/** What is used of a client: those of `pg` take an object as well, which may say how long they wait for the answer. */
interface Sending {
  query(text: string | object, values?: unknown[]): Promise<unknown>;
}

const NOTIFY = "select pg_notify($1, payload) from unnest($2::text[]) as payload";

/** So many payloads go out in one statement. */
const MOST_AT_ONCE = 100;

/**
 * Sends payloads one statement at a time; those that come meanwhile go out together in the next. Each commit with a NOTIFY takes
 * a lock of the whole server, and each statement a connection that the work may wait for.
 */
export class PostgresNotifier {
  #waiting: Waiting[] = [];
  #isRunning = false;

  constructor(
    private readonly pool: Pick<PostgresPool, "query">,
    private readonly name: string,
  ) {}

  send(payload: string): Promise<void> {
    return new Promise((sent, failed) => {
      this.#waiting.push({ payload, sent, failed });
      if (!this.#isRunning) void this.#run();
    });
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    while (this.#waiting.length > 0) {
      const together = this.#waiting.splice(0, MOST_AT_ONCE);
      const payloads = together.map(({ payload }) => payload);
      try {
        await inTime(this.#notify([this.name, payloads]), "PostgreSQL did not answer");
        for (const { sent } of together) sent();
      } catch (error) {
        for (const { failed } of together) failed(error);
      }
    }
    this.#isRunning = false;
  }

  /** A connection that died without a word must not keep its place in the pool. */
  #notify(values: unknown[]): Promise<unknown> {
    const pool = this.pool as Sending;
    return isOfPg(pool) ? pool.query({ text: NOTIFY, values, query_timeout: IN_TIME_MS }) : pool.query(NOTIFY, values);
  }
}

/** As the repository over PostgreSQL tells them: they connect, and are emitters. */
function isOfPg(pool: object): boolean {
  return ["connect", "listenerCount"].every((name) => typeof (pool as Record<string, unknown>)[name] === "function");
}
