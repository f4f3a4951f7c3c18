import type { RepositoryAdapter } from "../../contracts/repository.js";
import { IN_PROGRESS, leaseUntil, parameters, SETTLED, type Statement } from "./parameters.js";
import { SELECT_UPLOAD, type UploadRow } from "./rows.js";
import type { Schema } from "./schema.js";

/** What a claim is answered with besides the columns of the upload. */
export interface ClaimRow extends UploadRow {
  readonly outcome: "claimed" | "settled" | "busy" | "cancelled";
  readonly fence: string;
  /** What is left of the lease, in milliseconds. */
  readonly retryAfterMs: string | null;
}

/**
 * One update, which waits for other writers and looks again at what they have left. Only where it takes nothing the row is
 * read, and locked for that, so that the answer is about the row as it is, or as it is no longer. No row: deleted.
 */
export function claimUpload(
  { uploads, batches }: Schema,
  ...[id, { leaseMs, token }]: Parameters<NonNullable<RepositoryAdapter["claimUpload"]>>
): Statement {
  const { values, bind } = parameters();
  const [row, claimToken] = [`${bind(id)}::text`, `${bind(token)}::text`];
  // The claim that the row is held by, sent again: the same answer, and nothing counted.
  const again = `(status in ${IN_PROGRESS} and coalesce(claim_token = ${claimToken}, false))`;
  const free = `(claim_token is distinct from ${claimToken} and (
      status = 'pending' or status in ${IN_PROGRESS} and coalesce(lease_until <= clock_timestamp(), true)
    ))`;
  const cancelled = (upload: string) =>
    `exists (select from ${batches.sql} as batch where batch.id = ${upload}.batch_id and batch.status = 'cancelled')`;
  const text = `with claimed as (
  update ${uploads.sql} as upload set
    status = case when ${again} then status else 'analyzing' end,
    starts = coalesce(starts, 0) + case when ${again} then 0 else 1 end,
    fence = fence + case when ${again} then 0 else 1 end,
    claim_token = ${claimToken},
    lease_until = ${leaseUntil(bind(leaseMs))},
    error_code = case when ${again} then error_code end,
    error_stage = case when ${again} then error_stage end,
    error_message = case when ${again} then error_message end,
    updated_at = case when ${again} then updated_at else clock_timestamp() end
  where id = ${row} and (${again} or ${free} and not ${cancelled("upload")})
  returning *
),
refused as (
  select * from ${uploads.sql} where id = ${row} and not exists (select from claimed) for update
)
select 'claimed' as outcome, fence::text, null as "retryAfterMs", ${SELECT_UPLOAD} from claimed
union all
select case
  when status in ${SETTLED} then 'settled'
  when ${free} and ${cancelled("refused")} then 'cancelled'
  else 'busy'
end, fence::text, (extract(epoch from lease_until - clock_timestamp()) * 1000)::text, ${SELECT_UPLOAD}
from refused`;
  return { text, values, often: true };
}
