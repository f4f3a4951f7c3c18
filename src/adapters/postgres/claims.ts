import type { RepositoryAdapter } from "../../contracts/repository.js";
import type { Connection } from "./client.js";
import { GroupCommit } from "./group-commit.js";
import { IN_PROGRESS, inputTable, leaseUntil, parameters, SETTLED, type Statement } from "./parameters.js";
import { SELECT_UPLOAD, type UploadRow } from "./rows.js";
import type { Schema } from "./schema.js";

/** What a claim is answered with besides the columns of the upload. */
export interface ClaimRow extends UploadRow {
  readonly outcome: "claimed" | "settled" | "busy" | "cancelled";
  readonly fence: string;
  /** What is left of the lease, in milliseconds. */
  readonly retryAfterMs: string | null;
}

export type Claim = Parameters<NonNullable<RepositoryAdapter["claimUpload"]>>;

/** How claims are made. No row: there is no such upload. */
export function claimsOf(
  schema: Schema,
  { rowsOf, firstOf }: Connection,
  isGrouped: boolean,
): (claim: Claim) => Promise<ClaimRow | undefined> {
  const alone = (claim: Claim) => firstOf<ClaimRow>(claimUpload(schema, ...claim));
  if (!isGrouped) return alone;
  const group = new GroupCommit<Claim, ClaimRow | undefined>({
    idOf: ([id]) => id,
    shapeOf: () => "",
    alone,
    async together(claims) {
      const rows = await rowsOf<ClaimRow>(claimUploads(schema, claims));
      return new Map(rows.map((row) => [row.id, row]));
    },
  });
  return (claim) => group.send(claim);
}

/**
 * One update, which waits for other writers and looks again at what they have left. Only where it takes nothing the row is
 * read, and locked for that, so that the answer is about the row as it is, or as it is no longer. No row: deleted.
 */
function claimUpload(schema: Schema, ...[id, { leaseMs, token }]: Claim): Statement {
  const { values, bind } = parameters();
  const row = `${bind(id)}::text`;
  const claim = rulesOf(schema, { token: `${bind(token)}::text`, leaseMs: bind(leaseMs) });
  const text = `with claimed as (
  update ${schema.uploads.sql} as upload set ${claim.assigned}
  where id = ${row} and ${claim.isGranted("upload")}
  returning *
),
refused as (
  select * from ${schema.uploads.sql} where id = ${row} and not exists (select from claimed) for update
)
${claim.answers} from refused`;
  return { text, values, often: true };
}

/**
 * Claims of several uploads, each granted or refused by itself. It waits for nobody: a row that another statement holds just
 * now is missing in the answer, as is one that does not exist.
 */
function claimUploads(schema: Schema, claims: readonly Claim[]): Statement {
  const claim = rulesOf(schema, { token: "input_token", leaseMs: "input_lease_ms" });
  const text = `with input as (
  select * from ${inputTable(["input_id", "input_token", "input_lease_ms"])}
),
locked as (
  select * from ${schema.uploads.sql} where id in (select input_id from input) for no key update skip locked
),
claimed as (
  update ${schema.uploads.sql} as upload set ${claim.assigned}
  from input
  where id = input_id and id in (select id from locked) and ${claim.isGranted("upload")}
  returning upload.*
),
refused as (
  select * from locked join input on id = input_id where not exists (select from claimed where claimed.id = locked.id)
)
${claim.answers} from refused`;
  const values = [
    claims.map(([id]) => id),
    claims.map(([, { token }]) => token),
    claims.map(([, { leaseMs }]) => String(leaseMs)),
  ];
  return { text, values, often: true };
}

/** The rules of a claim, whose token and lease are given as SQL. */
function rulesOf({ batches }: Schema, { token, leaseMs }: { readonly token: string; readonly leaseMs: string }) {
  // The claim that the row is held by, sent again: the same answer, and nothing counted.
  const again = `(status in ${IN_PROGRESS} and coalesce(claim_token = ${token}, false))`;
  const free = `(claim_token is distinct from ${token} and (
      status = 'pending' or status in ${IN_PROGRESS} and coalesce(lease_until <= clock_timestamp(), true)
    ))`;
  const isCancelled = (upload: string) =>
    `exists (select from ${batches.sql} as batch where batch.id = ${upload}.batch_id and batch.status = 'cancelled')`;
  return {
    isGranted: (upload: string) => `(${again} or ${free} and not ${isCancelled(upload)})`,
    assigned: `
    status = case when ${again} then status else 'analyzing' end,
    starts = coalesce(starts, 0) + case when ${again} then 0 else 1 end,
    fence = fence + case when ${again} then 0 else 1 end,
    claim_token = ${token},
    lease_until = ${leaseUntil(leaseMs)},
    error_code = case when ${again} then error_code end,
    error_stage = case when ${again} then error_stage end,
    error_message = case when ${again} then error_message end,
    updated_at = case when ${again} then updated_at else clock_timestamp() end`,
    answers: `select 'claimed' as outcome, fence::text, null as "retryAfterMs", ${SELECT_UPLOAD} from claimed
union all
select case
  when status in ${SETTLED} then 'settled'
  when ${free} and ${isCancelled("refused")} then 'cancelled'
  else 'busy'
end, fence::text, (extract(epoch from lease_until - clock_timestamp()) * 1000)::text, ${SELECT_UPLOAD}`,
  };
}
