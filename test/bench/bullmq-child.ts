/** Has jobs of BullMQ done by one of several handlers, and prints how long that takes, in milliseconds. */
import { randomUUID } from "node:crypto";
import { Queue, Worker } from "bullmq";
import { Redis } from "ioredis";
import type pg from "pg";
import type { GuardedWorker, UploadJobData } from "../../src/integrations/bullmq.js";
import { connectionOf } from "../support/bullmq-connection.js";
import { takeDescribeEmbed } from "./by-hand.js";
import { ai, CONCURRENCY, storage, uploadOf } from "./idle-adapters.js";
import {
  createUploadWorker,
  enqueueUploads,
  memoryRepository,
  postgresRepository,
  publishTo,
  redisChannel,
} from "./library.js";
import { withTables } from "./postgres-tables.js";
import { timeOf } from "./rounds.js";

const WARM_UPS = 2;
const RUNS = 3;

const [side = "", redis = "", postgres = "", count = "0"] = process.argv.slice(2);
const name = `bench-${randomUUID().slice(0, 8)}`;
const worker = { connection: connectionOf(redis), concurrency: CONCURRENCY, autorun: false, maxStalledCount: 3 };
const ids = (run: number) => Array.from({ length: Number(count) }, (_, index) => `${run}-${index}`);

/** One round after the other: jobs are enqueued, then worked on. @returns the fastest */
async function measure(
  addUploads: (ids: readonly string[]) => Promise<unknown> | unknown,
  start: () => Pick<GuardedWorker, "worker" | "close">,
): Promise<number> {
  const queue = new Queue(name, { connection: worker.connection });
  const times: number[] = [];
  for (let run = 0; run < WARM_UPS + RUNS; run++) {
    await addUploads(ids(run));
    await enqueueUploads(queue, ids(run), { removeOnComplete: true });
    const guarded = start();
    await guarded.worker.waitUntilReady();
    let open = Number(count);
    const done = new Promise<void>((resolve, reject) => {
      guarded.worker.on("completed", () => --open === 0 && resolve());
      guarded.worker.on("failed", (_, error) => reject(error));
    });
    const time = await timeOf(() => {
      void guarded.worker.run();
      return done;
    });
    if (run >= WARM_UPS) times.push(time);
    await guarded.close();
  }
  await queue.obliterate({ force: true });
  await queue.close();
  return Math.min(...times);
}

function plain(handler: (data: UploadJobData) => Promise<unknown>) {
  return () => {
    const made = new Worker(name, (job) => handler(job.data), worker);
    return { worker: made, close: () => made.close() };
  };
}

const sides: Readonly<Record<string, () => Promise<number>>> = {
  bare: () =>
    measure(
      () => {},
      plain(async () => ({ status: "completed" })),
    ),
  memory: () => {
    const repository = memoryRepository();
    return measure(
      (all) => repository.addUploads(all.map((id) => uploadOf(id))),
      () => createUploadWorker(name, { storage, ai, repository }, { thumbnail: false, worker }),
    );
  },
  postgres: () =>
    inTables(
      (_, __, repository) => () => createUploadWorker(name, { storage, ai, repository }, { thumbnail: false, worker }),
    ),
  progress: async () => {
    const publisher = new Redis(redis);
    try {
      const plugins = [publishTo(redisChannel({ publisher, subscriber: publisher.duplicate({ lazyConnect: true }) }))];
      return await inTables(
        (_, __, repository) => () =>
          createUploadWorker(name, { storage, ai, repository }, { thumbnail: false, worker, plugins }),
      );
    } finally {
      publisher.disconnect();
    }
  },
  "by-hand": () => inTables((pool, uploads) => plain(({ uploadId }) => takeDescribeEmbed(pool, uploads, uploadId))),
};

type Repository = ReturnType<typeof postgresRepository>;

function inTables(
  start: (pool: pg.Pool, uploads: string, repository: Repository) => () => Pick<GuardedWorker, "worker" | "close">,
): Promise<number> {
  return withTables(postgres, CONCURRENCY, async (pool, tables) => {
    const repository = postgresRepository(pool, { tables, vector: "array" });
    await repository.migrate();
    const add = async (all: readonly string[]) => {
      await repository.addUploads(all.map((id) => ({ id, storageKey: `originals/${id}` })));
      await pool.query(`vacuum analyze ${tables.uploads}`);
    };
    return measure(add, start(pool, tables.uploads, repository));
  });
}

const measured = sides[side];
if (measured === undefined) throw new Error(`${side}: expected one of ${Object.keys(sides).join(", ")}`);
console.log(await measured());
