import type { ChildProcess } from "node:child_process";
import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Queue } from "bullmq";
import pg from "pg";
import { ensureBuilt, ROOT } from "./build.js";
import { startChild } from "./child.js";

const { TEST_POSTGRES_URL, TEST_REDIS_URL } = process.env;

/** The processes of `examples/backend`, with a schema, a queue and a folder of their own. */
export class BackendProcesses {
  readonly folder = mkdtempSync(join(tmpdir(), "backend-"));
  /** What the processes complained of. */
  readonly complaints: string[] = [];
  url = "";
  readonly #name = `backend_${randomUUID().slice(0, 8)}`;
  readonly #pool = new pg.Pool({ connectionString: TEST_POSTGRES_URL, max: 1 });
  readonly #children = new Set<ChildProcess>();
  #api: ChildProcess | undefined;

  async prepare(): Promise<void> {
    ensureBuilt();
    await this.#pool.query(`create schema ${this.#name}`);
  }

  /** Starts the API, on the port that it had. */
  async startApi(): Promise<void> {
    const { port = "0" } = this.url === "" ? {} : new URL(this.url);
    this.#api = this.#start("server.ts", { PORT: port });
    const line = await printed(this.#api, /Listening on (http:\S+)/);
    this.url = line[1] ?? "";
  }

  async killApi(): Promise<void> {
    if (this.#api !== undefined) await end(this.#api, "SIGKILL");
  }

  /** @param describeMs how long a description takes */
  async startWorker(describeMs: number): Promise<ChildProcess> {
    const worker = this.#start("worker.ts", { DESCRIBE_MS: String(describeMs) });
    await printed(worker, /Working/);
    return worker;
  }

  query(text: string): Promise<{ rows: Record<string, unknown>[] }> {
    return this.#pool
      .query(`set search_path = ${this.#name}; ${text}`)
      .then((results) => [results].flat().at(-1) as never);
  }

  /** Ends all of them in good order. @returns their exit codes */
  async stop(): Promise<(number | null)[]> {
    const codes = await Promise.all([...this.#children].map((child) => end(child, "SIGTERM")));
    await this.#pool.query(`drop schema ${this.#name} cascade`);
    await this.#pool.end();
    const queue = new Queue(this.#name, { connection: { url: TEST_REDIS_URL ?? "" } });
    await queue.obliterate({ force: true });
    await queue.close();
    rmSync(this.folder, { recursive: true });
    return codes;
  }

  #start(program: string, env: Readonly<Record<string, string>>): ChildProcess {
    const child = startChild(`${ROOT}examples/backend/${program}`, [], {
      env: {
        DATABASE_URL: `${TEST_POSTGRES_URL}?options=-c%20search_path%3D${this.#name}`,
        REDIS_URL: TEST_REDIS_URL ?? "",
        QUEUE: this.#name,
        FOLDER: this.folder,
        ...env,
      },
    });
    this.#children.add(child);
    child.once("exit", () => this.#children.delete(child));
    child.stderr?.on("data", (chunk) => this.complaints.push(String(chunk)));
    return child;
  }
}

export function end(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  return new Promise((resolve) => {
    child.once("exit", resolve);
    child.kill(signal);
  });
}

/** Resolves when the child has printed what is looked for; rejects when it ends before. */
function printed(child: ChildProcess, pattern: RegExp): Promise<RegExpExecArray> {
  return new Promise((resolve, reject) => {
    let out = "";
    child.stdout?.on("data", (chunk) => {
      out += chunk;
      const found = pattern.exec(out);
      if (found !== null) resolve(found);
    });
    child.once("exit", (code) => reject(new Error(`the process ended with ${code}`)));
  });
}
