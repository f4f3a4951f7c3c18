import { existsSync } from "node:fs";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { PGlite } from "@electric-sql/pglite";
import { vector } from "@electric-sql/pglite-pgvector";
import { type PostgresRepository, postgresRepository } from "upload-processor/postgres";

export interface Database extends AsyncDisposable {
  readonly client: PGlite;
  readonly repository: PostgresRepository;
}

/** Opens the database below `folder`, or creates it. Call it with the folder's lock held. */
export async function openDatabase(folder: string): Promise<Database> {
  const dataDir = join(folder, "database");
  const created = join(folder, "database-created");
  // A process that is killed while it creates the files leaves some that cannot be opened. Nothing was in them yet.
  if (!existsSync(created)) {
    console.log("Creating the database, which takes some seconds the first time");
    await rm(dataDir, { recursive: true, force: true });
  }
  const client = await PGlite.create({ dataDir, extensions: { vector } });
  const repository = postgresRepository(client);
  await repository.migrate();
  await releaseClaims(client);
  await writeFile(created, "");
  return { client, repository, [Symbol.asyncDispose]: () => client.close() };
}

/**
 * A claim of a process that was killed holds until its lease has run out. The folder's lock proves that whoever held these
 * is gone, so nobody has to wait. Where several processes share a database, nothing proves that, and leases are needed.
 */
async function releaseClaims(client: PGlite): Promise<void> {
  await client.query(
    "update upload_processor_uploads set lease_until = null where status in ('analyzing', 'embedding')",
  );
}
