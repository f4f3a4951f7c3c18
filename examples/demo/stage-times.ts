import type { PGlite } from "@electric-sql/pglite";
import type { StageName, UploadResult } from "upload-processor";

/** The stages that take time worth telling. */
export const TIMED_STAGES = ["thumbnail", "describe", "embed"] as const satisfies readonly StageName[];

/** How long each stage of one upload took, in milliseconds, over all its attempts. */
export type StageTimes = { readonly [Stage in (typeof TIMED_STAGES)[number]]?: number };

/** How long the stages took in the run that a result is of: a stage behind whose checkpoint it continued is not in there. */
export function timesOf(result: UploadResult): StageTimes {
  const times: { -readonly [Stage in keyof StageTimes]: StageTimes[Stage] } = {};
  for (const stage of TIMED_STAGES) {
    const calls = result.stages.filter((call) => call.stage === stage);
    if (calls.length > 0) times[stage] = calls.reduce((total, { durationMs }) => total + durationMs, 0);
  }
  return times;
}

/** A table of our own beside those of the library: it reports its timings with each result, and does not keep them. */
export class StageTimesTable {
  #written: Promise<unknown>;

  constructor(private readonly client: PGlite) {
    this.#written = client.query(`create table if not exists demo_stage_times (
      upload_id text primary key references upload_processor_uploads on delete cascade,
      times jsonb not null)`);
  }

  /** Adds what is new to what earlier runs took. Returns at once: `written` waits for it. */
  record(result: UploadResult): void {
    const statement = `insert into demo_stage_times values ($1, $2)
      on conflict (upload_id) do update set times = demo_stage_times.times || excluded.times`;
    this.#written = this.#written.then(() => this.client.query(statement, [result.uploadId, timesOf(result)]));
  }

  async written(): Promise<void> {
    await this.#written;
  }

  async all(): Promise<ReadonlyMap<string, StageTimes>> {
    await this.#written;
    const { rows } = await this.client.query<{ upload_id: string; times: StageTimes }>(
      "select * from demo_stage_times",
    );
    return new Map(rows.map(({ upload_id, times }) => [upload_id, times]));
  }
}
