import { setTimeout as sleep } from "node:timers/promises";
import { requireMethods } from "../check.js";
import { inTime } from "./in-time.js";
import type { PostgresPool } from "./postgres-channel.js";
import type { Receiver } from "./subscribers.js";

/** What is used of the `PoolClient` of `pg`. */
interface ListeningClient {
  query(text: string): Promise<unknown>;
  on(event: string, listener: (told: never) => void): unknown;
  removeListener(event: string, listener: (told: never) => void): unknown;
  release(destroy: boolean): void;
}

const SHORTEST_WAIT_MS = 100;
const LONGEST_WAIT_MS = 10_000;

/** One connection that listens, and is replaced when it is lost. */
export class PostgresListener {
  readonly #stopped = new AbortController();
  #disconnect = () => {};

  /** @param quoted the name to listen on, as an identifier */
  constructor(
    private readonly pool: PostgresPool,
    private readonly quoted: string,
    private readonly receiver: Receiver,
    private readonly checkIntervalMs: number,
  ) {}

  /** @throws whatever the first connection does */
  async start(): Promise<void> {
    await this.#connect();
  }

  stop(): void {
    this.#stopped.abort();
    this.#disconnect();
  }

  async #connect(): Promise<void> {
    const client = await this.#take();
    requireMethods("a client of the pool", client, ["query", "on", "removeListener", "release"]);
    let isListening = false;
    let isAnswering = true;
    const ask = () => {
      if (!isAnswering) return lose();
      isAnswering = false;
      client.query("select 1").then(
        () => {
          isAnswering = true;
        },
        () => {}, // it tells so by an event, or by not answering
      );
    };
    const check = setInterval(ask, this.checkIntervalMs).unref();
    const hear = ({ payload }: { readonly payload?: string }) => this.receiver.event(payload ?? "");
    const disconnect = () => {
      clearInterval(check);
      client.removeListener("notification", hear);
      client.removeListener("end", lose);
      // Closed, not handed back: another one would go on listening with it. The pool listens to its errors from here on.
      client.release(true);
      client.removeListener("error", lose);
      this.#disconnect = () => {};
    };
    const lose = () => {
      if (this.#disconnect !== disconnect) return;
      disconnect();
      if (isListening) void this.#reconnect();
    };
    this.#disconnect = disconnect;
    client.on("notification", hear);
    client.on("error", lose);
    client.on("end", lose);
    try {
      await client.query(`listen ${this.quoted}`);
      isListening = true;
    } catch (error) {
      if (this.#disconnect === disconnect) disconnect();
      throw error;
    }
  }

  /** A connection that is made during an outage may never be ready, and the pool need not have a limit of its own. */
  async #take(): Promise<ListeningClient> {
    const connecting = this.pool.connect() as Promise<ListeningClient>;
    try {
      return await inTime(connecting, "PostgreSQL was not connected to");
    } catch (error) {
      connecting.then((late) => late.release(true)).catch(() => {});
      throw error;
    }
  }

  async #reconnect(): Promise<void> {
    const { signal } = this.#stopped;
    for (let waitMs = SHORTEST_WAIT_MS; !signal.aborted; waitMs = Math.min(LONGEST_WAIT_MS, 2 * waitMs)) {
      try {
        // Spread, so that the processes of a backend do not all come at once after a restart.
        await sleep(waitMs * (0.5 + Math.random() / 2), undefined, { signal, ref: false });
        await this.#connect();
        if (signal.aborted) this.#disconnect();
        else this.receiver.gap();
        return;
      } catch {
        // The next try, unless it was stopped.
      }
    }
  }
}
