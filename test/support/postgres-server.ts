import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import pg from "pg";
import { freePort } from "./free-port.js";

/** Where PostgreSQL is installed, or `undefined`. Debian does not put the server into the PATH. */
export function findPostgres(): string | undefined {
  const debian = "/usr/lib/postgresql";
  const versions = existsSync(debian) ? readdirSync(debian).sort((one, other) => Number(other) - Number(one)) : [];
  const folders = [
    ...versions.map((version) => join(debian, version, "bin")),
    ...(process.env.PATH ?? "").split(delimiter),
  ];
  return folders.find((folder) => existsSync(join(folder, "initdb")) && existsSync(join(folder, "postgres")));
}

/** A PostgreSQL server of its own, with its data in a temporary folder: one that may be restarted, or crash. */
export class PostgresServer {
  #server: ChildProcess | undefined;

  private constructor(
    private readonly binaries: string,
    private readonly data: string,
    readonly port: number,
    /** PostgreSQL refuses to be run by root. */
    private readonly user: { uid?: number; gid?: number },
  ) {}

  get url(): string {
    return `postgres://postgres@127.0.0.1:${this.port}/postgres`;
  }

  static async start(): Promise<PostgresServer> {
    const binaries = findPostgres();
    if (binaries === undefined) throw new Error("PostgreSQL is not installed");
    const data = mkdtempSync(join(tmpdir(), "postgres-"));
    const user = process.getuid?.() === 0 ? { uid: idOf("-u"), gid: idOf("-g") } : {};
    if (user.uid !== undefined) chownSync(data, user.uid, user.gid);
    const initdb = [
      "--username=postgres",
      "--auth=trust",
      "--encoding=UTF8",
      "--no-locale",
      "--no-sync",
      `--pgdata=${data}`,
    ];
    const made = spawnSync(join(binaries, "initdb"), initdb, { ...user, cwd: data, encoding: "utf8" });
    if (made.status !== 0) throw new Error(`initdb failed: ${made.stderr}`);
    const server = new PostgresServer(binaries, data, await freePort(), user);
    await server.#start();
    return server;
  }

  async #start(): Promise<void> {
    const settings = { port: this.port, listen_addresses: "127.0.0.1", unix_socket_directories: "", fsync: "off" };
    const options = Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
    const { data, user } = this;
    this.#server = spawn(join(this.binaries, "postgres"), ["-D", data, ...options], {
      ...user,
      cwd: data,
      stdio: "ignore",
    });
    for (let tries = 0; !(await this.#answers()); tries++) {
      if (tries === 200) throw new Error("PostgreSQL does not answer");
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  async #answers(): Promise<boolean> {
    const client = new pg.Client({ connectionString: this.url });
    client.on("error", () => {});
    try {
      await client.connect();
      await client.end();
      return true;
    } catch {
      return false;
    }
  }

  /** Ends it and starts it again: `"crash"` without a word to anybody, its data as they are; `"restart"` in good order. */
  async again(how: "crash" | "restart", downMs = 0): Promise<void> {
    await this.#end(how === "crash" ? "SIGQUIT" : "SIGINT");
    await new Promise((resolve) => setTimeout(resolve, downMs));
    await this.#start();
  }

  async stop(): Promise<void> {
    await this.#end("SIGQUIT");
    rmSync(this.data, { recursive: true, force: true });
  }

  #end(signal: NodeJS.Signals): Promise<void> {
    return new Promise((resolve) => {
      this.#server?.once("exit", () => resolve());
      this.#server?.kill(signal);
    });
  }
}

function idOf(which: "-u" | "-g"): number {
  return Number(execFileSync("id", [which, "postgres"], { encoding: "utf8" }));
}
