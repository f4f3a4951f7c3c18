import type { PgBoss, WorkOptions } from "pg-boss";
import { ConfigurationError, type UploadAdapters, type UploadRecord } from "../index.js";
import { report } from "./engine/report.js";
import { type EngineOptions, UploadWork } from "./engine/upload-work.js";
import { handlerOf, type UploadJobHandler } from "./pg-boss/handler.js";
import { siteOf } from "./pg-boss/in-work.js";
import type { UploadJobData } from "./pg-boss/job-types.js";
import { requireQueue } from "./pg-boss/queue.js";
import { requireVersions } from "./pg-boss/versions.js";

export type { BatchListener, SettledBatch } from "./engine/batches.js";
export { closeUploads } from "./pg-boss/close.js";
export { workDeadLetters } from "./pg-boss/dead-letters.js";
export type { UploadJobHandler } from "./pg-boss/handler.js";
export type { UploadJobData, UploadJobResult } from "./pg-boss/job-types.js";
export { enqueueUploads } from "./pg-boss/jobs.js";

/** What pg-boss tells itself is no option. */
export type JobOptions<U extends UploadRecord = UploadRecord> = EngineOptions<U>;

/** pg-boss's options of `boss.work`; those that are left out are set. */
export type UploadWorkerOptions = Omit<WorkOptions, "perJobResults" | "includeMetadata" | "transactional">;

/** By this `cancel` reaches the work within a second. */
const HEARTBEAT_REFRESH_SECONDS = 1;
/** pg-boss's own default. */
const POLLING_SECONDS = 2;

/**
 * Works a queue: pg-boss owns the retries, and each delivery of a job is one attempt at its upload. Waiting (for a service that is
 * down, another worker, the end of a 429) uses up neither an attempt nor a slot; each upload settles its batch.
 *
 * How many uploads are in work at once is `work.localConcurrency`, 1 by default, as ever in pg-boss. Leave `work.batchSize` at 1: of
 * jobs that are fetched together the slowest holds the rest.
 *
 * @param queue has `heartbeatSeconds`
 * @param options those of `processUploadWithRetry`, and `work`: those of `boss.work`
 * @returns the id of the worker, as `boss.work` does
 * @throws ConfigurationError an option or an adapter that does not fit, as `processUploadWithRetry` does; a queue without a heartbeat;
 *   a Node or a pg-boss that is too old
 * @example
 * await workUploads(boss, "uploads", { storage, ai, repository }, { work: { localConcurrency: 8 } });
 * process.once("SIGTERM", () => closeUploads(boss, "uploads").then(() => boss.stop()));
 */
export async function workUploads<U extends UploadRecord>(
  boss: PgBoss,
  queue: string,
  adapters: UploadAdapters<U>,
  options: JobOptions<NoInfer<U>> & { readonly work?: UploadWorkerOptions } = {},
): Promise<string> {
  requireVersions(boss);
  await requireQueue(boss, queue);
  const { work: workerOptions, ...rest } = requireOptions(options);
  const work = new UploadWork<U>(adapters, rest as JobOptions<U>, (error) => report(boss, error));
  const given = {
    heartbeatRefreshSeconds: HEARTBEAT_REFRESH_SECONDS,
    // Nobody is notified when the wait of a job is over, so polling finds it, and pg-boss would poll every 30 s.
    notifyPollingIntervalSeconds: workerOptions?.pollingIntervalSeconds ?? POLLING_SECONDS,
    ...workerOptions,
    includeMetadata: true,
    perJobResults: true,
  } as const;
  try {
    const id = await boss.work<UploadJobData, unknown, typeof given>(queue, given, handlerOf(boss, work));
    siteOf(boss).whenClosed(queue, () => work.close());
    return id;
  } catch (error) {
    await work.close();
    throw error;
  }
}

/**
 * The handler alone, where `boss.work` is called elsewhere: with `perJobResults: true` and `includeMetadata: true`, or its types refuse
 * it, on a queue with `heartbeatSeconds`, or a worker that died and `boss.cancel` are noticed late.
 *
 * What keeps jobs waiting, and what `onBatchSettled` throws, is told as `error` of `boss`. Plugins stay attached for as long as the
 * process lives.
 *
 * @throws ConfigurationError an option or an adapter that does not fit; a Node or a pg-boss that is too old
 */
export function uploadJobHandler<U extends UploadRecord>(
  boss: PgBoss,
  adapters: UploadAdapters<U>,
  options: JobOptions<NoInfer<U>> = {},
): UploadJobHandler {
  requireVersions(boss);
  return handlerOf(boss, new UploadWork<U>(adapters, options as JobOptions<U>, (thrown) => report(boss, thrown)));
}

function requireOptions<T extends object>(options: T): T {
  if (typeof options === "object" && options !== null) return options;
  throw new ConfigurationError(`options: expected an object, got ${options === null ? "null" : typeof options}`);
}
