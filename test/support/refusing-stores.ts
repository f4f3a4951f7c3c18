import { randomUUID } from "node:crypto";
import { PGlite } from "@electric-sql/pglite";
import pg from "pg";
import { memoryRepository } from "../../src/adapters/memory.js";
import { type PostgresClient, postgresRepository } from "../../src/adapters/postgres.js";
import { type BatchRepositoryAdapter, UploadError, type UploadRecord } from "../../src/index.js";

export const LONGEST_DESCRIPTION = 200;

/**
 * A store that refuses captions above 200 characters, with a certain word and, by a trigger, with others; vectors of another length
 * than 3; and what is seen where that is too long for an index.
 */
export interface RefusingStore {
  readonly repository: BatchRepositoryAdapter<UploadRecord>;
  /** Whether it has no letters beyond Latin-1. */
  readonly isLatin1: boolean;
  /** What it says of each. */
  readonly reasons: Readonly<Record<"long" | "word" | "vector" | "raised" | "raisedByName" | "key", RegExp>>;
  readonly close: () => Promise<void>;
}

type Refusal = (message: string, sqlState: string) => Error;

/** How stores say that they refuse a value. */
export const REFUSALS: Readonly<Record<string, Refusal>> = {
  "an SQLSTATE": (message, code) => Object.assign(new Error(message), { code }),
  "an SQLSTATE behind an ORM's error": (message, code) =>
    new Error("Failed query: update", { cause: Object.assign(new Error(message), { code }) }),
  "retryable: false": (message) => Object.assign(new Error(message), { retryable: false }),
  RESULT_REFUSED: (message) => new UploadError(message, { code: "RESULT_REFUSED" }),
};

const RAISED = { raised: /unwelcome here/, raisedByName: /unheard of/, key: /index row (?:size|requires) / };

export function refusingMemory(uploads: readonly UploadRecord[], refusal: Refusal): RefusingStore {
  const stored = memoryRepository({ uploads, batches: [{ id: "batch", status: "pending" }] });
  const repository: BatchRepositoryAdapter<UploadRecord> = {
    ...stored,
    async updateUpload(id, changes, claim) {
      const description = changes.description ?? "";
      if (description.length > LONGEST_DESCRIPTION) throw refusal("value too long for type varchar(200)", "22001");
      if (description.includes("forbidden")) throw refusal('violates check constraint "decent"', "23514");
      if (description.includes("unwelcome")) throw refusal("unwelcome here", "P0001");
      if (description.includes("unheard")) throw refusal("unheard of", "UP001");
      if (String(changes.metadata?.seen ?? "").length > 2704)
        throw refusal("index row size 12016 exceeds maximum 2704", "54000");
      if (changes.embedding && changes.embedding.length !== 3)
        throw refusal('violates check constraint "three"', "23514");
      return stored.updateUpload(id, changes, claim);
    },
  };
  const reasons = { long: /value too long/, word: /"decent"/, vector: /"three"/, ...RAISED };
  return { repository, isLatin1: false, reasons, close: async () => {} };
}

async function refusingTables(client: PostgresClient, uploads: readonly UploadRecord[], isLatin1: boolean) {
  const suffix = randomUUID().slice(0, 8);
  const tables = { uploads: `uploads_${suffix}`, batches: `batches_${suffix}` };
  const repository = postgresRepository(client, { tables, vector: "array" });
  await repository.migrate();
  await client.query(`alter table ${tables.uploads} alter column description type varchar(${LONGEST_DESCRIPTION}),
    add constraint decent check (description not like '%forbidden%'),
    add constraint three check (cardinality(embedding) = 3)`);
  await client.query(`create index on ${tables.uploads} ((metadata->>'seen'))`);
  await client.query(`create function refuse_${suffix}() returns trigger language plpgsql as $$
    begin
      if new.description like '%unwelcome%' then raise exception 'unwelcome here'; end if;
      if new.description like '%unheard%' then raise exception 'unheard of' using errcode = 'UP001'; end if;
      return new;
    end $$`);
  await client.query(`create trigger refuse before update on ${tables.uploads} for each row
    execute function refuse_${suffix}()`);
  await repository.addBatch({ id: "batch" });
  await repository.addUploads(uploads);
  const long = /value too long for type character varying\(200\)/;
  const reasons = { long, word: /"decent"/, vector: /"three"/, ...RAISED };
  return { repository: repository as unknown as RefusingStore["repository"], isLatin1, reasons };
}

export async function refusingPglite(uploads: readonly UploadRecord[]): Promise<RefusingStore> {
  const database = await PGlite.create();
  return { ...(await refusingTables(database, uploads, false)), close: () => database.close() };
}

/** In a database of its own, in the encoding that is wanted. */
export async function refusingPostgres(
  url: string,
  encoding: "UTF8" | "LATIN1",
  uploads: readonly UploadRecord[],
): Promise<RefusingStore> {
  const name = `refusals_${randomUUID().slice(0, 8)}`;
  const admin = new pg.Client(url);
  await admin.connect();
  await admin.query(`create database ${name} template template0 encoding '${encoding}' lc_collate 'C' lc_ctype 'C'`);
  const pool = new pg.Pool({ connectionString: Object.assign(new URL(url), { pathname: `/${name}` }).href });
  return {
    ...(await refusingTables(pool, uploads, encoding === "LATIN1")),
    close: async () => {
      await pool.end();
      await admin.query(`drop database ${name}`);
      await admin.end();
    },
  };
}
