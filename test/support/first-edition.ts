/** The tables as `schemaSql()` of the first edition made them. */
export function firstEditionSql(tables: { uploads: string; batches: string }, embedding: string): string {
  return `create table ${tables.batches} (
  id text primary key,
  status text not null default 'pending'
    check (status in ('pending', 'processing', 'completed', 'failed', 'cancelled')),
  user_id text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index ${tables.batches}_status on ${tables.batches} (status, id);

create table ${tables.uploads} (
  sequence bigint generated always as identity,
  id text primary key,
  storage_key text not null,
  status text not null default 'pending'
    check (status in ('pending', 'analyzing', 'embedding', 'completed', 'failed')),
  batch_id text,
  user_id text,
  file_name text,
  file_size bigint,
  mime_type text,
  thumbnail_key text,
  description text,
  embedding ${embedding},
  metadata jsonb,
  ai_version text,
  error_code text,
  error_stage text,
  error_message text,
  starts integer not null default 0,
  fence bigint not null default 0,
  lease_until timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index ${tables.uploads}_batch_order on ${tables.uploads} (batch_id, sequence);
create index ${tables.uploads}_batch_status on ${tables.uploads} (batch_id, status);

insert into ${tables.batches} (id, status) values ('b', 'completed');
insert into ${tables.uploads} (id, storage_key, status, batch_id, description, embedding, metadata, error_code, fence)
values
  ('done', 'done.jpg', 'completed', 'b', 'A cat', '${embedding.includes("[]") ? "{1,2,3}" : "[1,2,3]"}', '{"media": {"width": 1}}', null, 7),
  ('failed', 'failed.jpg', 'failed', 'b', null, null, null, 'DESCRIBE_FAILED', 3),
  ('open', 'open.jpg', 'pending', 'b', null, null, null, null, 0);`;
}
