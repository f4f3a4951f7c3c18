import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { PostgresClient } from "../../../src/adapters/postgres.js";

export interface DatabaseQuestion {
  readonly number: number;
  /** Without it: how much memory is in use. */
  readonly text?: string;
  readonly values?: unknown[];
}

export interface DatabaseAnswer {
  readonly number: number;
  readonly rows?: unknown[];
  readonly error?: string;
}

interface Waiting {
  readonly resolve: (answer: { rows: unknown[] }) => void;
  readonly reject: (error: Error) => void;
}

/** A PGlite on disk in a process of its own, as a client for `postgresRepository`. */
export class Database implements PostgresClient {
  readonly #waiting = new Map<number, Waiting>();
  #number = 0;

  private constructor(private readonly child: ChildProcess) {
    child.on("message", ({ number, rows, error }: DatabaseAnswer) => {
      const waiting = this.#waiting.get(number);
      this.#waiting.delete(number);
      if (rows === undefined) waiting?.reject(new Error(error));
      else waiting?.resolve({ rows });
    });
    child.once("exit", (code) => {
      for (const { reject } of this.#waiting.values()) reject(new Error(`The database ended with ${code}`));
    });
  }

  static async start(folder: string): Promise<Database> {
    const program = fileURLToPath(new URL("database-worker.ts", import.meta.url));
    const child = fork(program, [folder], { execArgv: ["--import", "tsx"], serialization: "advanced" });
    await Promise.race([once(child, "message"), once(child, "exit").then(refuse)]);
    return new Database(child);
  }

  // A function, not a method: that is what the repository asks for.
  readonly query = (text: string, values?: unknown[]) => this.#ask(values === undefined ? { text } : { text, values });

  /** What its process has in memory, in bytes. */
  async memory(): Promise<number> {
    const [row] = (await this.#ask({})).rows as { rss: number }[];
    return row?.rss ?? 0;
  }

  async stop(): Promise<void> {
    const ended = once(this.child, "exit");
    this.child.disconnect();
    await ended;
  }

  #ask(question: Omit<DatabaseQuestion, "number">): Promise<{ rows: unknown[] }> {
    const number = ++this.#number;
    return new Promise((resolve, reject) => {
      this.#waiting.set(number, { resolve, reject });
      this.child.send({ number, ...question });
    });
  }
}

function refuse(): never {
  throw new Error("The database did not start");
}
