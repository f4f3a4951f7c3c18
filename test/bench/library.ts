import { ensureBuilt } from "../support/build.js";

/**
 * The library as it is shipped. From the source, tsx would keep the name of every function by a call each time one is made:
 * that costs the library half of its throughput, and the bare calls nothing.
 */
ensureBuilt();
const built = (file: string): string => new URL(`../../dist/${file}`, import.meta.url).href;
const library: typeof import("../../src/index.js") = await import(built("index.js"));
const models: typeof import("../../src/adapters/ai-sdk.js") = await import(built("ai-sdk.js"));
const decoder: typeof import("../../src/adapters/ffmpeg.js") = await import(built("ffmpeg.js"));
const postgres: typeof import("../../src/adapters/postgres.js") = await import(built("postgres.js"));
const memory: typeof import("../../src/adapters/memory.js") = await import(built("memory.js"));
const engine: typeof import("../../src/integrations/bullmq.js") = await import(built("bullmq.js"));
const live: typeof import("../../src/integrations/progress.js") = await import(built("progress.js"));
const heicDecoder: typeof import("../../src/adapters/heic.js") = await import(built("heic.js"));
const telemetryPlugin: typeof import("../../src/integrations/otel.js") = await import(built("otel.js"));
const progress: typeof import("../../src/integrations/progress.js") = await import(built("progress.js"));

export const { BatchProcessor, createRuntime, defineStage, descriptionQuality, serializeEvent, settleBatch } = library;
export const { aiSdk } = models;
export const { postgresRepository } = postgres;
export const { ffmpeg } = decoder;
export const { heic } = heicDecoder;
export const { memoryRepository } = memory;
export const { createUploadWorker, enqueueUploads } = engine;
export const { publishTo, redisChannel } = live;
export const { telemetry } = telemetryPlugin;
export const { localChannel, progressHandler } = progress;
