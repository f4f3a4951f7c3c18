/**
 * A job runner of your own that owns the retries, here a table in PostgreSQL: `npx tsx examples/job-runner.ts`.
 *
 * Each job makes one attempt, told to the library by `attempt`, and the result says what becomes of the job. So nothing is
 * retried twice over, and the next attempt, in whichever process, goes on behind what is stored.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { PGlite } from "@electric-sql/pglite";
import { type AIAdapter, type Media, processUploadWithRetry, type UploadResult } from "upload-processor";
import { fileStorage } from "upload-processor/fs";
import { localAI } from "upload-processor/local-ai";
import { postgresRepository } from "upload-processor/postgres";

interface Job {
  readonly uploadId: string;
  /** This attempt, counted from 1. */
  readonly attempt: number;
  /** How often the job has been taken: who took it before has no say in it any more. */
  readonly taken: number;
}

/** What becomes of a job: it ends, or it is run again, with this attempt counted or not. */
type Verdict = "done" | "failed" | { readonly againInMs: number; readonly counted: boolean };

class JobQueue {
  constructor(private readonly database: PGlite) {}

  async create(uploadIds: readonly string[]): Promise<void> {
    await this.database.exec(`create table if not exists jobs (
      upload_id text primary key,
      state text not null default 'open',
      attempt integer not null default 0,
      taken integer not null default 0,
      run_at timestamptz not null default now())`);
    await this.database.query("insert into jobs (upload_id) select unnest($1::text[])", [uploadIds]);
  }

  /**
   * Workers of other processes take other jobs. A job whose worker was killed is taken again after a minute; so is one that
   * takes longer, and then the library answers that somebody else holds the upload.
   */
  async take(): Promise<Job | undefined> {
    const { rows } = await this.database.query<Job>(`
      update jobs set attempt = attempt + 1, taken = taken + 1, run_at = now() + interval '1 minute'
      where upload_id = (select upload_id from jobs where state = 'open' and run_at <= now()
                         order by run_at limit 1 for update skip locked)
      returning upload_id as "uploadId", attempt, taken`);
    return rows[0];
  }

  /** Changes nothing where somebody else has taken the job meanwhile. */
  async end({ uploadId, attempt, taken }: Job, verdict: Verdict): Promise<void> {
    const { state, counted, againInMs } =
      typeof verdict === "string" ? { state: verdict, counted: true, againInMs: 0 } : { state: "open", ...verdict };
    await this.database.query(
      `update jobs set state = $3, attempt = $4, run_at = now() + $5 * interval '1 millisecond'
       where upload_id = $1 and taken = $2`,
      [uploadId, taken, state, counted ? attempt : attempt - 1, againInMs],
    );
  }

  async isEmpty(): Promise<boolean> {
    const { rows } = await this.database.query("select from jobs where state = 'open' limit 1");
    return rows.length === 0;
  }
}

/** All that a runner has to know of the library. */
function judge(result: UploadResult, attempt: number): Verdict {
  switch (result.status) {
    case "completed":
    case "deleted":
      return "done";
    case "failed": // the last attempt, or one that another would not help
      return "failed";
    case "deferred": // that somebody else is at it, or that the service is down, is no failure
      return { againInMs: result.retryAfterMs ?? 250 * 2 ** attempt, counted: result.countsAsAttempt };
    case "skipped":
      // Lost in mid-work, to somebody who may not get to the end.
      if (result.reason === "claimed-elsewhere") return { againInMs: result.retryAfterMs ?? 1000, counted: false };
      return result.reason === "already-failed" ? "failed" : "done";
    case "aborted":
      return { againInMs: 0, counted: false };
  }
}

/** A model with a bad day: what it throws the next times it is called, by file. */
const troubles: Record<string, Error[]> = {
  "describe cat.png": [Object.assign(new Error("Too many requests"), { status: 429, headers: { "retry-after": "1" } })],
  "describe hubble.jpg": Array.from({ length: 3 }, () => Object.assign(new Error("Overloaded"), { status: 503 })),
  "describe rocket.jpg": [Object.assign(new Error("This image is not allowed"), { status: 400 })],
  "embed coffee.webp": [new TypeError("fetch failed")],
};

function onABadDay(ai: AIAdapter): AIAdapter {
  const call = (stage: string, { upload }: Media) => {
    const trouble = troubles[`${stage} ${upload.fileName}`]?.shift();
    console.log(`  ${stage} ${upload.fileName}${trouble ? `: ${trouble.message}` : ""}`);
    if (trouble) throw trouble;
  };
  return {
    ...ai,
    async describe(media, context) {
      call("describe", media);
      return ai.describe(media, context);
    },
    async embed(input, context) {
      call("embed", input.media);
      return ai.embed?.(input, context) ?? [];
    },
  };
}

const MAX_ATTEMPTS = 3;
const stop = new AbortController();
process.once("SIGTERM", () => stop.abort());

const database = await PGlite.create();
const repository = postgresRepository(database);
await repository.migrate();
const files = ["astronaut.jpg", "cat.png", "coffee.webp", "hubble.jpg", "rocket.jpg"];
await repository.addUploads(files.map((fileName) => ({ id: fileName, storageKey: `photos/${fileName}`, fileName })));
const adapters = { storage: fileStorage("examples"), ai: onABadDay(localAI()), repository };

const queue = new JobQueue(database);
await queue.create(files);

async function work(): Promise<void> {
  while (!stop.signal.aborted && !(await queue.isEmpty())) {
    const job = await queue.take();
    if (job === undefined) {
      await sleep(50);
      continue;
    }
    const attempt = { number: job.attempt, max: MAX_ATTEMPTS };
    const result = await processUploadWithRetry(job.uploadId, adapters, { attempt, signal: stop.signal });
    const verdict = judge(result, job.attempt);
    await queue.end(job, verdict);
    const next = typeof verdict === "string" ? verdict : `again in ${verdict.againInMs} ms`;
    console.log(`${job.uploadId}, attempt ${attempt.number} of ${attempt.max}: ${result.status}, ${next}`);
  }
}

await Promise.all([work(), work()]);
await database.close();
