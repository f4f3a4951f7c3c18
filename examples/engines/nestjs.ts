/**
 * A NestJS module that has uploads processed by BullMQ: NestJS makes the worker, `guardWorker` and `uploadJobProcessor` do the rest.
 */
import "reflect-metadata";
import { BullModule, InjectQueue, Processor, WorkerHost } from "@nestjs/bullmq";
import { Injectable, Module, type OnApplicationShutdown, type OnModuleInit } from "@nestjs/common";
import type { Job, Queue } from "bullmq";
import pg from "pg";
import {
  enqueueUploads,
  type GuardedWorker,
  guardWorker,
  type UploadJobData,
  type UploadJobResult,
  uploadJobProcessor,
} from "upload-processor/bullmq";
import { fileStorage } from "upload-processor/fs";
import { localAI } from "upload-processor/local-ai";
import { type PostgresUpload, postgresRepository } from "upload-processor/postgres";

const { hostname, port } = new URL(process.env.REDIS_URL ?? "redis://localhost:6379");
const pool = new pg.Pool({
  connectionString: process.env.DATABASE_URL,
  connectionTimeoutMillis: 10_000,
  keepAlive: true,
});
pool.on("error", (error) => console.error(error.message));
export const repository = postgresRepository(pool);
const adapters = { storage: fileStorage(process.env.PHOTOS ?? "photos"), ai: localAI(), repository };

/** Not request-scoped, or BullMQ's signal never comes; and with fewer stalls than `lease.maxStarts` the guard throws. */
@Processor("uploads", { concurrency: 4, maxStalledCount: 3 })
export class UploadsWorker extends WorkerHost implements OnModuleInit, OnApplicationShutdown {
  readonly #process = uploadJobProcessor(adapters);
  #guarded: GuardedWorker | undefined;

  onModuleInit(): void {
    this.worker.on("error", (error) => console.error(error.message));
    this.#guarded = guardWorker(this.worker, { repository });
  }

  // All three are declared: BullMQ hands its signal to such functions alone.
  override process(job: Job<UploadJobData>, token?: string, signal?: AbortSignal): Promise<UploadJobResult> {
    return this.#process(job, token, signal);
  }

  async onApplicationShutdown(): Promise<void> {
    await this.#guarded?.close({ graceMs: 10_000 });
    await pool.end();
  }
}

@Injectable()
export class UploadsService {
  constructor(@InjectQueue("uploads") private readonly queue: Queue) {}

  /** Of rows that are there. */
  enqueue(uploads: readonly Pick<PostgresUpload, "id" | "batchId">[]) {
    return enqueueUploads(this.queue, uploads, { attempts: 3, backoff: { type: "exponential", delay: 1000 } });
  }
}

@Module({
  imports: [
    BullModule.forRoot({ connection: { host: hostname, port: Number(port) } }),
    BullModule.registerQueue({ name: "uploads" }),
  ],
  providers: [UploadsWorker, UploadsService],
  exports: [UploadsService],
})
export class UploadsModule {}
