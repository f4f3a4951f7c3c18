import { mkdir } from "node:fs/promises";
import { Redis } from "ioredis";
import pg from "pg";
import type { StorageAdapter } from "upload-processor";
import { fileStorage } from "upload-processor/fs";
import { type PostgresRepository, postgresRepository } from "upload-processor/postgres";
import { type Channel, redisChannel } from "upload-processor/progress";

/** What all processes share: rows in PostgreSQL, jobs and progress in Redis, files in a folder. */
export interface Services {
  readonly repository: PostgresRepository;
  readonly channel: Channel;
  readonly folder: string;
  readonly storage: StorageAdapter;
  /** The name of the queue, and how BullMQ reaches Redis. */
  readonly queue: string;
  readonly connection: { readonly url: string };
  readonly close: () => Promise<void>;
}

/** Ends the process where it is not told which servers it has. */
export async function openServices(): Promise<Services> {
  const databaseUrl = required("DATABASE_URL", "where the rows of the uploads are kept", "postgres://localhost/photos");
  const redisUrl = required("REDIS_URL", "where the jobs are kept", "redis://localhost:6379");
  const { FOLDER: folder = ".demo/backend", QUEUE: queue = "uploads" } = process.env;
  await mkdir(folder, { recursive: true });

  // A network that swallows packets must not take the connections of the pool away for good.
  const pool = new pg.Pool({ connectionString: databaseUrl, connectionTimeoutMillis: 10_000, keepAlive: true });
  // Without a listener, a restart of the database would end the process.
  pool.on("error", told);
  const repository = postgresRepository(pool);
  await repository.migrate(); // it may run in several processes at once

  const publisher = new Redis(redisUrl);
  const subscriber = publisher.duplicate();
  for (const client of [publisher, subscriber]) client.on("error", told);
  const channel = redisChannel({ publisher, subscriber }, { name: `${queue}-progress` });

  return {
    repository,
    channel,
    folder,
    storage: fileStorage(folder),
    queue,
    connection: { url: redisUrl },
    async close() {
      publisher.disconnect();
      subscriber.disconnect();
      await pool.end();
    },
  };
}

/** Errors that end nothing: what is lost is connected again. */
export function told({ message }: Error): void {
  console.error(message);
}

function required(name: string, what: string, example: string): string {
  const value = process.env[name];
  if (value) return value;
  console.error(`${name} is not set: it says ${what}. For example: ${name}=${example}`);
  process.exit(1);
}
