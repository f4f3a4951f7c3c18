import { S3, S3Client } from "@aws-sdk/client-s3";
import { PGlite } from "@electric-sql/pglite";
import { MeterProvider } from "@opentelemetry/sdk-metrics";
import { BasicTracerProvider } from "@opentelemetry/sdk-trace-base";
import { Disk, DriveManager } from "flydrive";
import { FSDriver } from "flydrive/drivers/fs";
import { Redis } from "ioredis";
import pg from "pg";
import { pino } from "pino";
import { createClient } from "redis";
import { expectTypeOf, test } from "vitest";
import { flydriveStorage } from "../../src/adapters/flydrive.js";
import { postgresRepository } from "../../src/adapters/postgres.js";
import { s3Storage } from "../../src/adapters/s3.js";
import {
  assertCompleted,
  BatchProcessor,
  type Logger,
  type Plugin,
  processUploadWithRetry,
  type StorageAdapter,
  splitStorage,
} from "../../src/index.js";
import { telemetry } from "../../src/integrations/otel.js";
import { type Channel, postgresChannel, redisChannel } from "../../src/integrations/progress.js";
import { ai, type Photo, storage } from "./fixtures.js";

test("clients of PostgreSQL fit postgresRepository", async () => {
  postgresRepository(new pg.Client());
  postgresRepository(await new pg.Pool().connect());
  postgresRepository(new PGlite());
  const repository = postgresRepository(new pg.Pool());
  const result = await processUploadWithRetry("1", { storage, ai, repository });
  assertCompleted(result);
  expectTypeOf(result.upload.createdAt).toEqualTypeOf<Date>();
  // @ts-expect-error no client
  postgresRepository("postgres://localhost");
});

test("loggers fit as they are", () => {
  expectTypeOf(pino()).toExtend<Logger>();
  expectTypeOf(pino().child({ module: "uploads" })).toExtend<Logger>();
  expectTypeOf(console).toExtend<Logger>();
});

test("clients of S3 fit s3Storage", () => {
  expectTypeOf(s3Storage({ client: new S3Client(), bucket: "b" })).toEqualTypeOf<StorageAdapter>();
  s3Storage({ client: new S3({ maxAttempts: 1 }), bucket: "b", prefix: "p", cacheControl: "no-cache", logger: pino() });
  s3Storage({ client: { send: async (_command: object) => ({}) }, bucket: "b", prefix: undefined });
  // @ts-expect-error no client
  s3Storage({ client: "s3://b", bucket: "b" });
  // @ts-expect-error no bucket
  s3Storage({ client: new S3Client() });
});

test("disks of flydrive fit flydriveStorage", () => {
  const driver = () => new FSDriver({ location: "photos", visibility: "private" });
  expectTypeOf(flydriveStorage(new Disk(driver()))).toEqualTypeOf<StorageAdapter>();
  flydriveStorage(new DriveManager({ default: "fs", services: { fs: driver } }).use());
  // @ts-expect-error no disk
  flydriveStorage("photos");
});

test("clients of PostgreSQL and Redis carry progress", () => {
  expectTypeOf(postgresChannel(new pg.Pool(), { name: "uploads", checkIntervalMs: 1000 })).toEqualTypeOf<Channel>();
  postgresChannel(new PGlite());
  const redis = new Redis();
  expectTypeOf(redisChannel({ publisher: redis, subscriber: redis.duplicate() })).toEqualTypeOf<Channel>();
  const client = createClient();
  redisChannel({ publisher: client, subscriber: client.duplicate() }, { name: "uploads" });
  // @ts-expect-error no client that listens
  redisChannel({ publisher: redis, subscriber: "redis://" });
  // @ts-expect-error no pool
  postgresChannel("postgres://");
});

test("storages are split by what they hold", () => {
  expectTypeOf(splitStorage({ originals: storage, derived: storage })).toEqualTypeOf<StorageAdapter>();
  // @ts-expect-error where thumbnails go
  splitStorage({ originals: storage });
});

test("tracers and meters of an SDK fit telemetry, which fits records of any kind", async () => {
  const plugin = telemetry({
    tracer: new BasicTracerProvider().getTracer("a"),
    meter: new MeterProvider().getMeter("a"),
  });
  expectTypeOf(plugin).toExtend<Plugin<Photo>>();
  const repository = postgresRepository(new pg.Pool());
  const processor = new BatchProcessor({ storage, ai, repository, plugins: [telemetry(), plugin] });
  processor.on("upload:started", ({ upload }) => expectTypeOf(upload.createdAt).toEqualTypeOf<Date>());
  const result = await processUploadWithRetry("1", { storage, ai, repository }, { plugins: [telemetry()] });
  assertCompleted(result);
  expectTypeOf(result.upload.createdAt).toEqualTypeOf<Date>();
  // @ts-expect-error no tracer
  telemetry({ tracer: new MeterProvider() });
  // @ts-expect-error no such option
  telemetry({ prefix: "a" });
});
