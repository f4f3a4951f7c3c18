import { type JobState, Queue, type WorkerOptions } from "bullmq";
import { afterEach } from "vitest";
import type { UploadAdapters, UploadRecord } from "../../src/index.js";
import {
  createUploadWorker,
  enqueueUploads,
  type GuardedWorker,
  type JobOptions,
} from "../../src/integrations/bullmq.js";
import { connectionOf } from "./bullmq-connection.js";

export const REDIS_URL = process.env.TEST_REDIS_URL;

export const jobId = (uploadId: string) => `upload-${encodeURIComponent(uploadId)}`;

let made = 0;
const opened: (() => Promise<unknown>)[] = [];

/** What is opened last is closed first. */
export function closeAfterTest(close: () => Promise<unknown>): void {
  opened.push(close);
}

/** Closes what the tests of a file have opened, after each of them. */
export function closingAfterEach(): void {
  afterEach(async () => {
    for (const close of opened.splice(0).toReversed()) await close();
  });
}

/** A queue of its own, which is gone after the test. */
export function openQueue(): Queue {
  const queue = new Queue(`test-${process.pid}-${Date.now()}-${made++}`, { connection: connectionOf(REDIS_URL ?? "") });
  closeAfterTest(async () => {
    await queue.obliterate({ force: true });
    await queue.close();
  });
  return queue;
}

export interface Running extends GuardedWorker {
  readonly errors: Error[];
}

/** A worker on the queue, closed after the test, with what it told as `error`. */
export function startWorker(
  queue: Queue,
  adapters: UploadAdapters<UploadRecord>,
  { worker = {}, ...options }: JobOptions & { worker?: Partial<WorkerOptions> } = {},
): Running {
  const connection = connectionOf(REDIS_URL ?? "");
  const guarded = createUploadWorker(queue.name, adapters, {
    thumbnail: false,
    ...options,
    worker: { connection, ...worker },
  });
  return watched(guarded);
}

export function watched(guarded: GuardedWorker): Running {
  const errors: Error[] = [];
  guarded.worker.on("error", (error) => errors.push(error));
  closeAfterTest(() => guarded.close({ graceMs: 0 }));
  return { ...guarded, errors };
}

/** Resolves when the job of the upload is in one of these states, with what BullMQ has of it. */
export function jobIn(queue: Queue, uploadId: string, ...states: readonly (JobState | "unknown")[]) {
  return jobOf(queue, jobId(uploadId), ...states);
}

export async function jobOf(queue: Queue, id: string, ...states: readonly (JobState | "unknown")[]) {
  for (;;) {
    if (states.includes(await queue.getJobState(id))) return queue.getJob(id);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Enqueues one upload and waits until its job has ended. */
export async function ended(queue: Queue, uploadId: string, options: Parameters<typeof enqueueUploads>[2] = {}) {
  await enqueueUploads(queue, [uploadId], options);
  const job = await jobIn(queue, uploadId, "completed", "failed");
  if (job === undefined) throw new Error("the job was not kept");
  return job;
}
