import { PGlite } from "@electric-sql/pglite";
import pg from "pg";
import { type PostgresClient, postgresRepository } from "../../../src/adapters/postgres.js";
import { BATCH } from "./plan.js";

/** Where the uploads are: a PGlite in a folder, which one process may open, or a server. */
export type Store =
  | { readonly kind: "pglite"; readonly folder: string }
  | { readonly kind: "postgres"; readonly url: string };

export const TABLES = { uploads: "crash.uploads", batches: "crash.batches" } as const;

export interface Connection {
  readonly client: PostgresClient;
  readonly close: () => Promise<void>;
}

export async function connect(store: Store): Promise<Connection> {
  if (store.kind === "pglite") {
    const client = await PGlite.create(store.folder);
    return { client, close: () => client.close() };
  }
  const client = new pg.Pool({ connectionString: store.url, max: 4 });
  // A connection that is cut while it is idle; the next call gets another.
  client.on("error", () => {});
  return { client, close: () => client.end() };
}

/**
 * The database itself writes down every change of a status and of a fence, with whether the lease had run out: what the
 * workers say of themselves is not relied upon.
 */
const AUDIT = `
create table crash.audit (
  sequence bigint generated always as identity, id text, before text, after text,
  fence_before bigint, fence_after bigint, lease_out boolean
);
create function crash.write_audit() returns trigger language plpgsql as $$
begin
  insert into crash.audit (id, before, after, fence_before, fence_after, lease_out)
  values (old.id, old.status, new.status, old.fence, new.fence, coalesce(old.lease_until <= clock_timestamp(), true));
  return null;
end $$;
create trigger audit after update on crash.uploads for each row
  when (old.status is distinct from new.status or old.fence is distinct from new.fence) execute function crash.write_audit();`;

/** The batch, its uploads, and the audit, in place of what an earlier round has left. */
export async function prepare(store: Store, storageKeys: readonly string[]): Promise<void> {
  const { client, close } = await connect(store);
  const repository = postgresRepository(client, { tables: TABLES });
  await client.query("drop schema if exists crash cascade");
  await client.query("create schema crash");
  await repository.migrate();
  for (const statement of AUDIT.split(/;\n(?=create)/)) await client.query(statement);
  await repository.addBatch({ id: BATCH });
  await repository.addUploads(storageKeys.map((storageKey, n) => ({ id: `upload-${n}`, storageKey, batchId: BATCH })));
  await close();
}

/** One line of the audit. */
export interface Change {
  readonly id: string;
  readonly before: string;
  readonly after: string;
  readonly claimed: boolean;
  readonly leaseOut: boolean;
  /** By how much the fence has grown. */
  readonly fences: number;
}

export async function auditOf(client: PostgresClient): Promise<readonly Change[]> {
  const { rows } = await client.query(
    `select id, before, after, fence_after > fence_before as claimed, lease_out as "leaseOut",
       (fence_after - fence_before)::integer as fences from crash.audit order by sequence`,
  );
  return rows as Change[];
}
