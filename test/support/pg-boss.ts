import { randomUUID } from "node:crypto";
import { type JobWithMetadata, PgBoss, type Queue } from "pg-boss";
import { afterEach } from "vitest";
import type { UploadJobData } from "../../src/integrations/pg-boss.js";

const { TEST_POSTGRES_URL } = process.env;
const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);

export const isNodeTooOld = major < 22 || (major === 22 && minor < 12);
export const cannotRun = TEST_POSTGRES_URL === undefined || isNodeTooOld;

const opened: (() => Promise<unknown>)[] = [];

/** Closes what the tests of a file have opened, after each of them, the last first. */
export function closingAfterEach(): void {
  afterEach(async () => {
    for (const close of opened.splice(0).toReversed()) await close();
  });
}

export interface Opened {
  readonly boss: PgBoss;
  readonly queue: string;
  readonly schema: string;
  readonly errors: Error[];
}

/** pg-boss in a schema of its own, with a queue for uploads; both are gone after the test. */
export async function openQueue(options: Omit<Queue, "name"> = {}): Promise<Opened> {
  const schema = `pgboss_${randomUUID().slice(0, 8)}`;
  const supervised = { superviseIntervalSeconds: 1, monitorIntervalSeconds: 1 };
  const boss = new PgBoss({ connectionString: TEST_POSTGRES_URL ?? "", schema, ...supervised });
  const errors: Error[] = [];
  boss.on("error", (error) => errors.push(error));
  await boss.start();
  opened.push(async () => {
    await boss.stop({ graceful: false, close: false });
    await boss.getDb().executeSql(`drop schema ${schema} cascade`);
    await boss.stop({ graceful: false });
  });
  await boss.createQueue("uploads", { policy: "exclusive", heartbeatSeconds: 10, ...options });
  return { boss, queue: "uploads", schema, errors };
}

/** How often a worker of a test looks for jobs. */
export const EAGER = { pollingIntervalSeconds: 0.5 } as const;

type Job = JobWithMetadata<UploadJobData>;

/** Resolves when the job of the upload is in one of these states, with what pg-boss has of it. */
export function jobIn(boss: PgBoss, uploadId: string, ...states: readonly Job["state"][]): Promise<Job> {
  return jobWhere(boss, uploadId, ({ state }) => states.includes(state));
}

export async function jobWhere(boss: PgBoss, uploadId: string, fits: (job: Job) => boolean): Promise<Job> {
  for (;;) {
    const job = await jobOf(boss, uploadId);
    if (job !== undefined && fits(job)) return job;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

export async function jobOf(boss: PgBoss, uploadId: string): Promise<Job | undefined> {
  return (await boss.findJobs<UploadJobData>("uploads", { key: uploadId })).at(-1);
}
