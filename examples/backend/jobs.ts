import { randomUUID } from "node:crypto";
import type { JobsOptions, Queue } from "bullmq";
import { enqueueUploads, removeUploadJob } from "upload-processor/bullmq";
import type { PostgresRepository, PostgresUpload } from "upload-processor/postgres";
import { uploadsOf } from "./pages.js";

const OPTIONS: JobsOptions = {
  attempts: 3,
  backoff: { type: "exponential", delay: 1000 },
  removeOnComplete: true,
  removeOnFail: true, // why an upload has failed stands in its row
};

/** A job ends a moment after its upload. In milliseconds. */
const JOB_HAS_ENDED_MS = 1000;

export interface UploadJobs {
  /** Never rejects: an upload whose job cannot be added now gets it from {@link enqueueOpen}. */
  enqueue(uploads: readonly Pick<PostgresUpload, "id" | "batchId">[]): Promise<void>;
  /**
   * A job for each upload that is open and has none: Redis was away, or has lost its data, or a process ended between row and job.
   * Called at every start and now and then. Never rejects.
   */
  enqueueOpen(): Promise<void>;
  /** Failed uploads go on behind what was made of them. */
  tryAgain(failed: readonly PostgresUpload[]): Promise<void>;
  remove(id: string): Promise<void>;
}

export function uploadJobs(queue: Queue, repository: PostgresRepository): UploadJobs {
  async function enqueue(uploads: Parameters<UploadJobs["enqueue"]>[0]): Promise<number> {
    try {
      return (await enqueueUploads(queue, uploads, OPTIONS)).already;
    } catch (error) {
      console.error("Jobs are added later:", error);
      return 0;
    }
  }

  return {
    async enqueue(uploads) {
      await enqueue(uploads);
    },

    async enqueueOpen() {
      try {
        const open = { statuses: ["pending", "analyzing", "embedding"] } as const;
        for await (const page of uploadsOf(repository, open)) await enqueue(page);
      } catch (error) {
        console.error("Jobs are added later:", error);
      }
    },

    async tryAgain(failed) {
      if (failed.length === 0) return;
      await repository.resetUploads({ ids: failed.map(({ id }) => id) }, "retry", randomUUID());
      const already = await enqueue(failed);
      // The job by which one of them has just failed may not have ended, and then no other one is added.
      if (already > 0) setTimeout(() => void enqueue(failed), JOB_HAS_ENDED_MS).unref();
    },

    async remove(id) {
      // Without Redis the job stays: it will find no upload, and end.
      await removeUploadJob(queue, id).catch((error: unknown) => console.error(`The job of ${id} stays:`, error));
    },
  };
}
