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
  readonly queue: Queue;
  /** What the processes complained of. */
  readonly complaints: string[] = [];
  url = "";
  readonly #pool = new pg.Pool({ connectionString: TEST_POSTGRES_URL, max: 1 });
  readonly #children = new Set<ChildProcess>();
  #api: ChildProcess | undefined;

  private constructor(private readonly name: string) {
    this.queue = new Queue(name, { connection: { url: TEST_REDIS_URL ?? "" } });
  }

  static async prepare(): Promise<BackendProcesses> {
    ensureBuilt();
    const prepared = new BackendProcesses(`backend_${randomUUID().slice(0, 8)}`);
    await prepared.#pool.query(`create schema ${prepared.name}`);
    return prepared;
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

  /** Ends it in good order. @returns its exit code */
  async endApi(): Promise<number | null> {
    return this.#api === undefined ? null : end(this.#api, "SIGTERM");
  }

  /** @param describeMs how long a description takes */
  async startWorker(describeMs: number): Promise<ChildProcess> {
    const worker = this.#start("worker.ts", { DESCRIBE_MS: String(describeMs) });
    await printed(worker, /Working/);
    return worker;
  }

  /** Starts all of it by the program for that, on another port. @returns that process */
  async startAll(): Promise<ChildProcess> {
    const all = this.#start("start.ts", { PORT: "0", DESCRIBE_MS: "0" });
    const line = await printed(all, /(?=.*Working.*Working).*Listening on (http:\S+)/s);
    this.url = line[1] ?? "";
    return all;
  }

  /** The rows of the uploads, in the order in which they came. */
  async uploads(): Promise<{ id: string; status: string; storage_key: string; file_name: string }[]> {
    return (await this.#pool.query(`select * from ${this.name}.upload_processor_uploads order by sequence`)).rows;
  }

  /** Ends all of them in good order. @returns their exit codes */
  async stop(): Promise<(number | null)[]> {
    const codes = await Promise.all([...this.#children].map((child) => end(child, "SIGTERM")));
    await this.#pool.query(`drop schema ${this.name} cascade`);
    await this.#pool.end();
    await this.queue.obliterate({ force: true });
    await this.queue.close();
    rmSync(this.folder, { recursive: true });
    return codes;
  }

  #start(program: string, env: Readonly<Record<string, string>>): ChildProcess {
    const child = startChild(`${ROOT}examples/backend/${program}`, [], {
      env: {
        DATABASE_URL: `${TEST_POSTGRES_URL}?options=-c%20search_path%3D${this.name}`,
        REDIS_URL: TEST_REDIS_URL ?? "",
        QUEUE: this.name,
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
