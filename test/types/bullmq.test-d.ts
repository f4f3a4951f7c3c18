import { type Job, Queue, Worker, type WorkerOptions } from "bullmq";
import { Redis } from "ioredis";
import { expectTypeOf, test } from "vitest";
import type { UploadResult } from "../../src/index.js";
import {
  createUploadWorker,
  enqueueUploads,
  type GuardedWorker,
  guardWorker,
  removeUploadJob,
  type UploadJobData,
  type UploadJobResult,
  uploadJobProcessor,
} from "../../src/integrations/bullmq.js";
import { ai, type Photo, repository, storage } from "./fixtures.js";

const adapters = { storage, ai, repository };
const connection = { host: "localhost", port: 6379 };

test("a worker takes BullMQ's options and ours, typed by the repository's record", async () => {
  const guarded = createUploadWorker("uploads", adapters, {
    worker: { connection, concurrency: 8, lockDuration: 30_000, limiter: { max: 10, duration: 1000 } },
    lease: { maxStarts: 5 },
    thumbnail: { key: ({ album, id }) => `${album}/${id}.jpg` },
    rerun: "reprocess",
  });
  expectTypeOf(guarded).toEqualTypeOf<GuardedWorker>();
  expectTypeOf(guarded.worker).toEqualTypeOf<Worker<UploadJobData, UploadJobResult>>();
  guarded.worker.on("completed", (job, result) => {
    expectTypeOf(job.data.uploadId).toEqualTypeOf<string>();
    expectTypeOf(result.status).toEqualTypeOf<UploadResult["status"]>();
  });
  await guarded.close();
  await guarded.close({ graceMs: 0 });
  createUploadWorker("uploads", adapters, { worker: { connection: new Redis({ maxRetriesPerRequest: null }) } });
  // @ts-expect-error no connection
  createUploadWorker("uploads", adapters, { worker: {} });
  // @ts-expect-error no worker's options
  createUploadWorker("uploads", adapters, {});
  // @ts-expect-error BullMQ has its own signal
  createUploadWorker("uploads", adapters, { worker: { connection }, signal: new AbortController().signal });
  // @ts-expect-error BullMQ counts the attempts
  createUploadWorker("uploads", adapters, { worker: { connection }, attempt: { number: 1, max: 2 } });
  // @ts-expect-error no such field
  createUploadWorker("uploads", adapters, { worker: { connection }, thumbnail: { key: ({ nothing }) => nothing } });
});

test("the halves fit a worker of the user's own", async () => {
  const options: WorkerOptions = { connection, maxStalledCount: 3 };
  const processor = uploadJobProcessor(adapters, { retry: { shouldRetry: (error) => error.retryable } });
  const typed = new Worker<UploadJobData, UploadJobResult>("uploads", processor, options);
  expectTypeOf(guardWorker(typed, { repository })).toEqualTypeOf<GuardedWorker>();
  guardWorker(new Worker("uploads", processor, options), { repository, lease: { maxStarts: 3 } });
  // As NestJS has it: a class that is handed the job, its token and a signal.
  class UploadsHost {
    readonly #run = uploadJobProcessor(adapters);
    process(job: Job<UploadJobData>, token?: string, signal?: AbortSignal): Promise<UploadJobResult> {
      return this.#run(job, token, signal);
    }
  }
  expectTypeOf<UploadsHost["process"]>().returns.resolves.toEqualTypeOf<UploadJobResult>();
  // @ts-expect-error the repository is needed, to settle what BullMQ gives up
  guardWorker(typed, {});
});

test("records and ids are enqueued, into any queue", async () => {
  const queue = new Queue("uploads", { connection });
  const typed = new Queue<UploadJobData, UploadJobResult>("uploads", { connection });
  const photos: readonly Photo[] = [];
  expectTypeOf(await enqueueUploads(queue, photos)).toEqualTypeOf<{
    readonly added: number;
    readonly already: number;
  }>();
  await enqueueUploads(typed, new Set(["a", "b"]), { attempts: 3, removeOnComplete: true });
  await enqueueUploads(queue, [{ id: "a", batchId: null }, "b"], { backoff: { type: "exponential", delay: 1000 } });
  expectTypeOf(await removeUploadJob(typed, "a")).toEqualTypeOf<"removed" | "aborted" | "not-found">();
  // @ts-expect-error an id is a text
  await enqueueUploads(queue, [7]);
});
