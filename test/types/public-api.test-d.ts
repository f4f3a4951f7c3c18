// The code of a user that needs every public name. It is compiled against the source here, against the build by
// `npm run types`, and against the packed package under several versions of TypeScript: so it imports the package by its
// name, and nothing else that a user would not have.

import { createServer } from "node:http";
import { Readable } from "node:stream";
import { test } from "node:test";
import {
  type AbortedUpload,
  type AIAdapter,
  type Around,
  type Audit,
  type AuditVerdict,
  aiVersionOf,
  assertCompleted,
  type BatchCounts,
  type BatchPausedEvent,
  BatchProcessor,
  type BatchProcessorOptions,
  type BatchProgressEvent,
  type BatchRecord,
  type BatchRepositoryAdapter,
  type BatchResult,
  type BatchStatus,
  type BatchWriteOutcome,
  type BreakerOpenedEvent,
  type BreakerOptions,
  type BudgetOptions,
  type ClaimOutcome,
  type ClaimRequest,
  type CompletedUpload,
  ConfigurationError,
  createRuntime,
  type DecodedFrame,
  type DeferredUpload,
  type DeletedUpload,
  type Description,
  type DescriptionQualityOptions,
  defineStage,
  derivedKeys,
  descriptionQuality,
  type EmbeddedVector,
  type EngineAttempt,
  type FactsOptions,
  type FailedUpload,
  type Fault,
  type FramesRequest,
  failUpload,
  hasResult,
  type Limit,
  type LimitOptions,
  type LogFunction,
  type Logger,
  type Media,
  type MediaDecoder,
  type MediaFacts,
  type MediaProbe,
  type MissingField,
  mediaFacts,
  type OpenedOriginal,
  type Plugin,
  type Price,
  type ProcessOptions,
  parseEvent,
  processUploadWithRetry,
  type ReceivedEvent,
  type Rendition,
  type RenditionOptions,
  type RepositoryAdapter,
  RepositoryError,
  type RerunMode,
  type RunOptions,
  type RunPlan,
  type Runtime,
  type RuntimeHealth,
  type RuntimeOptions,
  type SkippedUpload,
  type SplitStorages,
  type Stage,
  type StageContext,
  type StageName,
  type StageTiming,
  type StorageAdapter,
  serializeEvent,
  settleBatch,
  splitStorage,
  stageResult,
  type UploadAdapters,
  type UploadChanges,
  type UploadDraft,
  UploadError,
  type UploadErrorCode,
  type UploadErrorJSON,
  type UploadErrorOptions,
  type UploadEvent,
  UploadEventEmitter,
  type UploadEventMap,
  type UploadEventPayloads,
  type UploadFilter,
  type UploadListeners,
  type UploadProgressEvent,
  type UploadRecord,
  type UploadResult,
  type UploadSelection,
  type UploadSource,
  type UploadStartedEvent,
  type UploadStatus,
  type UploadWarningEvent,
  type Usage,
  type VisionFrame,
  type VisionImage,
  type WireEvent,
  type WorkOptions,
  type WorkOutcome,
  type WorkScope,
  type WriteOutcome,
} from "upload-processor";
import { flydriveStorage } from "upload-processor/flydrive";
import { fileStorage } from "upload-processor/fs";
import { localAI } from "upload-processor/local-ai";
import { memoryRepository, memoryStorage } from "upload-processor/memory";
import { type PostgresClient, type PostgresUpload, postgresRepository } from "upload-processor/postgres";
import {
  type Channel,
  type ChannelEvent,
  localChannel,
  type ProgressHandler,
  postgresChannel,
  progressHandler,
  publishTo,
  redisChannel,
  type Subject,
} from "upload-processor/progress";
import { type Snapshot, type WatchedEvent, watchProgress } from "upload-processor/progress-client";
import { s3Storage } from "upload-processor/s3";
import { fakeAI, fakeStorage, type RepositoryFixture, testRepositoryContract } from "upload-processor/testing";

/** The record of this application. */
interface Photo extends UploadRecord {
  readonly album: string;
}

/** Compiles only when both are the same type. */
type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : never) : never;
const same = <A, B>(_: Same<A, B>): void => {};
/** For what is there only to be compiled. */
const used = (..._values: readonly unknown[]): void => {};

declare const photo: Photo;
declare const signal: AbortSignal;
declare const rows: Map<string, Photo>;

test("the audit of descriptions", () => {
  const options: DescriptionQualityOptions = { maxAsks: 3, minScore: 0.4, prompt: "What is it?", languages: ["th"] };
  const audit = descriptionQuality(options);
  same<typeof audit, Audit>(true);
  used(descriptionQuality(), descriptionQuality({}), descriptionQuality({ maxAsks: undefined }));
  const verdict = audit.check("A cat.", { upload: photo, kind: "video", prompt: undefined });
  same<typeof verdict, AuditVerdict>(true);
  const ai: AIAdapter<Photo> = { describe: async () => "A cat.", audit };
  used(ai);
  // @ts-expect-error: the languages are a list
  descriptionQuality({ languages: "th" });
  // @ts-expect-error: no such option
  descriptionQuality({ minimumScore: 0.4 });
});

test("adapters of one's own", () => {
  const storage: StorageAdapter = {
    open: async (key, options): Promise<OpenedOriginal | null> => {
      same<typeof options.signal, AbortSignal>(true);
      if (key === "path") return { path: "/photos/1.jpg" };
      if (key === "bytes") return { bytes: new Uint8Array(1), release: async () => {} };
      return key === "stream" ? { stream: Readable.from([]) } : null;
    },
    write: async (key, data, { contentType, signal }) => {
      await fetch(`http://localhost/${key}`, { method: "PUT", headers: { "content-type": contentType }, signal });
      same<typeof data, Uint8Array>(true);
    },
    delete: async (key) => {
      key.toUpperCase();
    },
  };

  const price: Price = ({ inputTokens = 0, outputTokens }, stage) =>
    outputTokens === undefined && stage === "describe" ? null : inputTokens * 0.001;

  const ai: AIAdapter<Photo> = {
    describe: async (media: Media<Photo>, context: StageContext): Promise<Description> => {
      const image: VisionImage = await media.visionImage();
      const frames: readonly VisionFrame[] = await media.frames({ max: 4 });
      const facts: MediaFacts = await media.facts();
      const [frame] = frames;
      context.reportProgress(0.5, `${image.width} × ${image.height}, ${facts.mimeType}, ${frame?.timeSeconds} s`);
      context.logger.info({ attempt: context.attempt, key: context.idempotencyKey }, media.upload.album);
      context.signal.throwIfAborted();
      const kinds: "image" | "video" = media.kind;
      const original = [await media.path(), await media.bytes(), await media.stream(), media.mimeType, kinds];
      const usage: Usage = {
        ...{ inputTokens: 1, outputTokens: 2, totalTokens: 3, requests: 1, images: 1 },
        ...{ durationMs: 10, cost: 0.01, model: "my-model" },
      };
      return { text: `${original.length}`, metadata: { tags: [] }, usage, finish: "stop" };
    },
    embed: async ({ text, media }, { signal }): Promise<EmbeddedVector> => {
      signal.throwIfAborted();
      return { vector: new Float32Array(text.length), usage: { model: media.upload.album } };
    },
    dimensions: 3,
    concurrency: { describe: 1, embed: 8 },
    version: { describe: "model-1/prompt-2", embed: "vectors-1" },
    price,
    checkHealth: async ({ signal }) => signal.throwIfAborted(),
  };
  same<ReturnType<typeof aiVersionOf>, string | null>(true);
  aiVersionOf(ai);
  const short: AIAdapter = { describe: async () => "a cat", embed: async () => [1, 2, 3], version: "1" };

  // @ts-expect-error without `describe` there is nothing to do
  const blind: AIAdapter = { embed: async () => [1] };
  // @ts-expect-error no such end of an answer
  const ended: Description = { text: "", finish: "done" };

  used(storage, ai, short, blind, ended);
});

test("a repository of one's own", () => {
  const repository: RepositoryAdapter<Photo> = {
    findUpload: async (id) => rows.get(id) ?? null,
    updateUpload: async (id, changes: UploadChanges, claim): Promise<WriteOutcome> => {
      const row = rows.get(id);
      if (row === undefined) return "deleted";
      if (claim !== undefined && claim.fence !== row.starts) return "stale";
      const { draft, metadata, status = row.status } = changes;
      const redo: string | undefined = draft?.redo;
      rows.set(id, { ...row, status, metadata: { ...metadata, redo } });
      return claim?.leaseMs === undefined ? "saved" : "cancelled";
    },
    claimUpload: async (id, { leaseMs, token }: ClaimRequest): Promise<ClaimOutcome<Photo>> => {
      const upload = rows.get(id);
      if (upload === undefined) return { outcome: "deleted" };
      if (upload.status === "completed") return { outcome: "settled", upload };
      if (token === "") return { outcome: "cancelled" };
      return leaseMs > 0 ? { outcome: "claimed", upload, fence: 1 } : { outcome: "busy", retryAfterMs: 1000 };
    },
    resetUploads: async (selection, how, redo) => {
      same<typeof how, RerunMode | "undo">(true);
      return "all" in selection ? rows.size : (selection.ids?.length ?? redo.length);
    },
  };

  const batches: BatchRepositoryAdapter<Photo> = {
    ...repository,
    findBatch: async (id): Promise<BatchRecord | null> => ({ id, status: "pending", userId: null }),
    updateBatch: async (_id, { status }, expected): Promise<BatchWriteOutcome> =>
      status !== undefined && expected?.includes(status) ? "stale" : "saved",
    listUploads: async (_selection: UploadSelection, { after, limit }) =>
      after?.album === "" ? [] : [...rows.values()].slice(0, limit),
    countUploads: async () => ({ pending: 1 }),
    listBatches: async ({ status, after, limit }) => (after === undefined && limit > 0 ? [{ id: "1", status }] : []),
  };

  const draft: UploadDraft = {
    ...{ was: "completed", redo: "nightly", keeps: "same-version", thumbnailKey: "a.jpg", description: "a cat" },
    ...{ metadata: {}, embedding: [1], aiVersion: "1" },
  };
  const changes: UploadChanges[] = [
    { draft: null },
    { draft: { description: "a cat" } },
    { metadata: null, starts: 1 },
  ];
  for (const change of changes) change.status = "analyzing";

  // @ts-expect-error a claim has a fence
  const unfenced: ClaimOutcome<Photo> = { outcome: "claimed", upload: photo };
  // @ts-expect-error no such outcome
  const gone: WriteOutcome = "gone";
  // @ts-expect-error what was neither completed nor failed has no draft
  const open: UploadDraft = { was: "pending", redo: "1" };

  used(repository, batches, draft, unfenced, gone, open);
});

test("what is selected is told with at least one key, or by name: all", () => {
  const filter: UploadFilter = {};
  const selections: UploadSelection[] = [
    { all: true },
    { batchId: "1" },
    { userId: "1", statuses: ["failed"] },
    { ids: ["1"], errorCodes: ["RATE_LIMITED", "MY_OWN"] },
    { notAiVersion: "2" },
    { missing: ["thumbnailKey", "embedding", "metadata.media.renditions.large" satisfies MissingField] },
  ];

  // @ts-expect-error nothing is not everything
  selections.push({});
  // @ts-expect-error all there are, and some of them
  selections.push({ all: true, batchId: "1" });
  // @ts-expect-error nor is what may be nothing
  selections.push(filter);
  // @ts-expect-error a key that is there has a value
  selections.push({ batchId: undefined });
  // @ts-expect-error a key that is there has a value, also beside others
  selections.push({ userId: "1", batchId: undefined as string | undefined });
  // @ts-expect-error all, or not at all
  selections.push({ all: false });
  // @ts-expect-error no such key
  selections.push({ batch: "1" });
  // @ts-expect-error no such status
  selections.push({ statuses: ["done"] });
});

test("a decoder of one's own, and what is made and known of the media", async () => {
  const decoder: MediaDecoder = {
    mimeTypes: ["video/mp4"],
    probe: async ({ path }, { signal }): Promise<MediaProbe> => ({ codec: path, hdr: signal.aborted, frameRate: 25 }),
    async *frames(
      { path },
      { max, maxSide, limitPixels, purpose, signal }: FramesRequest,
    ): AsyncIterable<DecodedFrame> {
      used(path, max, maxSide, limitPixels, purpose === "thumbnail", signal.aborted);
      yield { timeSeconds: 0, encoded: new Uint8Array() };
      yield { timeSeconds: 1, pixels: new Uint8Array(4), width: 1, height: 1, channels: 4 };
    },
    close: async () => {},
  };
  const large: RenditionOptions<Photo> = { size: 1024 };
  const facts: FactsOptions = { location: true };
  await processUploadWithRetry<Photo>(
    "1",
    { storage: memoryStorage(), ai: fakeAI(), repository: memoryRepository<Photo>({ uploads: [photo] }) },
    { decoders: [decoder], renditions: { large }, facts },
  );
  const known: MediaFacts | null = mediaFacts(photo);
  const rendition: Rendition | undefined = known?.renditions?.large;
  used(
    rendition?.key,
    rendition?.bytes,
    known?.placeholder,
    known?.gps?.latitude,
    known?.takenAt,
    known?.durationSeconds,
  );

  // @ts-expect-error a rendition has a size
  const sizeless: RenditionOptions = {};
  // @ts-expect-error a frame is a file or pixels
  const empty: DecodedFrame = { timeSeconds: 0 };
  used(sizeless, empty);
});

test("one upload, with every option", async () => {
  const repository: RepositoryAdapter<Photo> = memoryRepository<Photo>({ uploads: [photo] });
  const adapters: UploadAdapters<Photo> = { storage: memoryStorage(), ai: fakeAI(), repository };
  const events = new UploadEventEmitter<Photo>();
  const attempt: EngineAttempt = { number: 1, max: 3 };
  const log: LogFunction = (fields, message) => void [fields.uploadId, message];
  const logger: Logger = { debug: log, info: log, warn: log, error: log };
  const work: WorkOptions<Photo> = {
    events,
    onProgress: ({ progress }: UploadProgressEvent) => progress.toFixed(),
    retry: {
      ...{ maxAttempts: 2, minTimeout: 1000, maxTimeout: 30_000, factor: 2, randomize: true, maxRetryAfterMs: 60_000 },
      shouldRetry: (error, number) => error.fault === "service" && number < 3,
    },
    thumbnail: {
      ...{ size: 256, format: "webp", quality: 85, background: "#ffffff" },
      key: ({ album, id }) => `thumbnails/${album}/${id}.webp`,
    },
    renditions: { large: { size: 1024, format: "webp", quality: 80, key: ({ album, id }) => `large/${album}/${id}` } },
    placeholder: "thumbhash",
    facts: { exif: true, location: false },
    decoders: [],
    vision: { maxSide: 1568, multipleOf: 28, quality: 85 },
    input: { maxBytes: 1, limitInputPixels: 1, tolerance: "lenient", allow: ["image/jpeg"] },
    timeouts: { thumbnailMs: 1, describeMs: 1, embedMs: 1 },
    runtime: createRuntime(),
    plugins: [],
    lease: { durationMs: 60_000, maxStarts: 3 },
    logger,
    stages: [],
  };
  const options: ProcessOptions<Photo> = { ...work, signal, attempt, rerun: { mode: "reprocess", name: "nightly" } };
  const result = await processUploadWithRetry("1", adapters, options);
  same<typeof result, UploadResult<Photo>>(true);
  await processUploadWithRetry(photo, adapters, { rerun: "retry", thumbnail: false });
  // As in code that hands on what it may not have.
  await processUploadWithRetry(photo, adapters, { signal: undefined, events: undefined, attempt: undefined });

  // @ts-expect-error no such option
  await processUploadWithRetry("1", adapters, { timeout: 1000 });
  // @ts-expect-error no such option inside of one
  await processUploadWithRetry("1", adapters, { timeouts: { describe: 1000 } });
  // @ts-expect-error no such mode
  await processUploadWithRetry("1", adapters, { rerun: "again" });
  // @ts-expect-error not the record of this repository
  await processUploadWithRetry({ id: "1", storageKey: "1", status: "pending" }, adapters);
  // @ts-expect-error an adapter is missing
  await processUploadWithRetry("1", { storage: adapters.storage, repository });
  // @ts-expect-error options are not changed once they are made
  options.signal = signal;
});

test("a result is told by its status", async () => {
  const told = (result: UploadResult<Photo>): unknown => {
    const { uploadId, attempts, durationMs, warnings, stages, usage } = result;
    const timings: readonly StageTiming[] = stages;
    const [timing] = timings;
    const seen = [uploadId, attempts + durationMs, warnings[0]?.code, timing?.waitedMs, timing?.usage, usage.cost];
    switch (result.status) {
      case "completed":
        same<typeof result, CompletedUpload<Photo>>(true);
        return result.upload.album;
      case "failed":
        same<typeof result, FailedUpload>(true);
        return result.kept ? seen : result.error;
      case "deferred":
        same<typeof result, DeferredUpload>(true);
        return result.countsAsAttempt ? result.error : result.retryAfterMs;
      case "skipped":
        same<typeof result, SkippedUpload>(true);
        return result.reason === "claimed-elsewhere" ? result.retryAfterMs : seen;
      case "deleted":
        same<typeof result, DeletedUpload>(true);
        return null;
      case "aborted":
        same<typeof result, AbortedUpload>(true);
        return UploadError.isInstance(result.reason) && result.reason.code === "BATCH_CANCELLED";
      default:
        // Nothing is left.
        return result satisfies never;
    }
  };

  const result = await processUploadWithRetry("1", {
    ...{ storage: fakeStorage(), ai: localAI() },
    repository: memoryRepository<Photo>(),
  });
  // @ts-expect-error not every result has an upload
  result.upload.album;
  // @ts-expect-error nor an error
  result.error.code;
  told(result);
  assertCompleted(result);
  const { album }: Photo = result.upload;
  // @ts-expect-error a result is not changed
  result.status = "failed";
  // @ts-expect-error nor is the record in it
  result.upload.description = album;
  // @ts-expect-error nor are its lists
  result.warnings.push(new UploadError("late", { code: "STAGE_FAILED" }));
});

test("what of a record may be shown, and what to delete with it", () => {
  const keys: readonly string[] = derivedKeys(photo);
  const facts: MediaFacts | null = mediaFacts(photo);
  const shown: boolean = hasResult(photo) || hasResult({ status: "pending", draft: { was: "completed", redo: "1" } });
  const statuses: UploadStatus[] = ["pending", "analyzing", "embedding", "completed", "failed"];
  // @ts-expect-error the status alone does not tell it for certain, but without it nothing does
  hasResult({});
  used(keys, facts?.width, facts?.height, shown, statuses);
});

test("stages of one's own, with the type of their result", async () => {
  const moderation = defineStage({
    name: "moderation",
    before: "thumbnail",
    required: true,
    timeoutMs: 1000,
    concurrency: 2,
    run: async (media, { signal }) => {
      signal.throwIfAborted();
      if (media.mimeType === "image/gif") throw new UploadError("No animations", { code: "REJECTED" });
      return { score: 0.1 };
    },
  });
  const greeting: Stage<Photo> = { name: "greeting", run: async ({ upload }) => void upload.album };
  const repository = memoryRepository<Photo>();
  const stages = [moderation];
  await processUploadWithRetry("1", { storage: fakeStorage(), ai: fakeAI(), repository }, { stages });
  const score: number | undefined = stageResult(photo, moderation)?.score;
  // @ts-expect-error the stage makes no such thing
  stageResult(photo, moderation)?.verdict;
  // @ts-expect-error no such place in the row
  defineStage({ name: "late", before: "end", run: async () => {} });
  // @ts-expect-error what is not an object cannot be a checkpoint
  defineStage({ name: "text", run: async () => "text" });
  // @ts-expect-error nor a list
  defineStage({ name: "list", run: async () => [{ score: 1 }] });
  // @ts-expect-error nor a Map, which JSON makes nothing of
  defineStage({ name: "map", run: async () => new Map([["a", 1]]) });
  // @ts-expect-error nor a list as a literal among the options
  const lists: ProcessOptions<Photo> = { stages: [{ name: "list", run: async () => [1] }] };
  interface Faces {
    readonly faces: readonly string[];
    readonly length: number;
  }
  const faces = defineStage({ name: "faces", run: async (): Promise<Faces> => ({ faces: [], length: 0 }) });
  const generic = <R extends object | void>(stage: Stage<Photo, R>) => defineStage(stage);
  const found: readonly string[] | undefined = stageResult(photo, generic(faces))?.faces;
  // Columns of one's own are told by the argument, or by the place where the stage stands.
  const album = defineStage({ name: "album", run: async ({ upload }: Media<Photo>) => ({ album: upload.album }) });
  await processUploadWithRetry(
    "1",
    { storage: fakeStorage(), ai: fakeAI(), repository },
    { stages: [album, faces, { name: "here", run: async ({ upload }) => ({ album: upload.album }) }] },
  );
  used(greeting, score, found, lists);
});

test("a runtime that calls and processors share", () => {
  const limit: Limit = { concurrency: 2, perMinute: 60 };
  const limits: LimitOptions = { decode: 2, describe: limit, embed: { perMinute: 100 } };
  const breaker: BreakerOptions = { threshold: 5, cooldownMs: 30_000, giveUpAfterMs: 600_000 };
  const budget: BudgetOptions = { limit: 25, spent: 3 };
  const options: RuntimeOptions = { limits, breaker, budget };
  const runtime: Runtime = createRuntime(options);
  runtime.addBudget(5);
  const health: RuntimeHealth = runtime.health();
  const { active, waiting, usage, budgetLeft } = health;
  const costs: number | undefined = usage.cost;
  if (health.breaker.state !== "closed") {
    const { error, since, until } = health.breaker;
    return used(error.code, until - since);
  }
  // @ts-expect-error a closed breaker has no error
  health.breaker.error;
  // @ts-expect-error no such limit
  createRuntime({ limits: { save: 1 } });
  // @ts-expect-error on is how it is; there is only off to say
  createRuntime({ breaker: true });
  createRuntime({ breaker: false });
  used(active + waiting, costs, budgetLeft?.toFixed(2));
});

test("many uploads, in every way", async () => {
  const options: BatchProcessorOptions<Photo> = {
    ...{ storage: fileStorage("photos"), ai: localAI(), repository: memoryRepository<Photo>() },
    ...{ concurrency: 8, limits: { describe: 1 }, breaker: { threshold: 3 }, budget: { limit: 100 } },
    ...{ retry: { maxAttempts: 3 }, lease: { durationMs: 30_000 }, thumbnail: { key: ({ album }) => album } },
  };
  const processor = new BatchProcessor(options);
  const run: RunOptions = { signal, concurrency: 2, budget: 25 };
  const selection: UploadSelection = { batchId: "1" };
  const source: UploadSource<Photo> = new Set([photo, "2"]);

  const one: UploadResult<Photo> = await processor.processUpload("1", { signal, attempt: { number: 1, max: 1 } });
  await processor.processUpload(photo, { rerun: "reprocess-all" });
  const result: BatchResult = await processor.process("1", { ...run, resumeCancelled: true });
  await processor.processUploads(source, { ...run, label: "import", total: 2 });
  await processor.processUploads(
    (async function* () {
      yield photo;
    })(),
  );
  const recovered: readonly BatchResult[] = await processor.recover({
    ...run,
    ...{ statuses: ["processing"], withoutBatch: true },
  });
  const plan: RunPlan = await processor.plan(selection, "reprocess");
  await processor.rerun(selection, "retry", { ...run, name: "nightly" });
  const undone: number = await processor.undo({ all: true });
  const health: RuntimeHealth = processor.health();
  const runtime: Runtime = processor.runtime;
  const cancelled: boolean = await processor.cancel("1");
  const aborted: boolean = processor.abortUpload("1", new Error("deleted"));
  processor.pause();
  processor.resume();
  await processor.close({ graceMs: 1000 });

  const { batchId, total, completed, failed, skipped, deleted, deferred, durationMs, kept } = result;
  const status: BatchStatus = result.status;
  const spent: Usage | undefined = result.usageByStage.describe ?? result.usage;
  const reasons = result.failures.map(({ uploadId, error }) => `${uploadId}: ${error.code}`);
  const calls = (plan.calls.describe ?? 0) + plan.uploads;
  const numbers = [completed, failed, skipped, deleted, deferred, result.aborted, durationMs, kept, undone, calls];
  const nullable: (number | null)[] = [total, plan.cost, plan.durationMs];

  // @ts-expect-error an empty selection
  await processor.rerun({}, "retry");
  // @ts-expect-error a mode is told
  await processor.rerun({ all: true });
  // @ts-expect-error an option of another method
  await processor.process("1", { label: "import" });
  // @ts-expect-error no such option
  new BatchProcessor({ ...options, concurency: 8 });
  // @ts-expect-error the runtime is what it was made with
  processor.runtime = createRuntime();
  // @ts-expect-error a result is not changed
  result.completed = 0;
  // @ts-expect-error nor are its lists
  result.failures.push({ uploadId: "1", error: new UploadError("late", { code: "STAGE_FAILED" }) });

  const alone: BatchCounts | null = await settleBatch(options.repository as BatchRepositoryAdapter<Photo>, "1");
  const written: boolean = await failUpload(options.repository, "1", new UploadError("x", { code: "ENGINE_GAVE_UP" }));
  used(one, batchId, status, spent, reasons, numbers, nullable, recovered, health, runtime, cancelled, aborted);
  used(alone, written);
});

test("every event, by its name and by its type", () => {
  const emitter = new UploadEventEmitter<Photo>();
  const seen: unknown[] = [];
  emitter.on("upload:started", ({ upload, starts }) => seen.push(upload.album, starts));
  emitter.on("upload:started", (event: UploadStartedEvent<Photo>) => seen.push(event.at));
  emitter.on("upload:progress", (event: UploadProgressEvent) => {
    const { uploadId, batchId, progress, stage, status, attempt, fileName, fileSize, estimated, message } = event;
    seen.push(uploadId, batchId, progress, stage, status, attempt, fileName, fileSize, estimated, message);
  });
  emitter.on("upload:retry", ({ attempt, maxAttempts, delayMs, error }) =>
    seen.push(attempt / maxAttempts, delayMs, error.retryAfterMs),
  );
  emitter.on("upload:warning", ({ stage, error }: UploadWarningEvent) => seen.push(stage, error.message));
  emitter.on("upload:settled", (event) => {
    // The event is the result.
    if (event.status === "completed") seen.push(event.upload.album);
    else if (event.status === "failed") seen.push(event.error.code, event.kept);
    seen.push(event.usage.cost, event.stages.length);
  });
  emitter.on("breaker:opened", ({ error, until }: BreakerOpenedEvent) => seen.push(error.fault, until));
  emitter.on("breaker:closed", ({ at }) => seen.push(at));
  emitter.on("batch:started", ({ batch, counts }) => seen.push(batch?.status, counts?.pending));
  emitter.on("batch:progress", (event: BatchProgressEvent) => {
    const { total, processed, completed, failed, percentage, perSecond, etaMs, usage } = event;
    seen.push(total, processed, completed, failed, percentage?.toFixed(), perSecond, etaMs, usage.cost);
  });
  emitter.on("batch:paused", ({ reason, error, until }: BatchPausedEvent) => {
    if (reason === "account") seen.push(error?.code, until);
  });
  emitter.once("batch:resumed", ({ batchId }) => seen.push(batchId));
  emitter.on("batch:settled", ({ batchId, status, failures, error }) => seen.push(batchId, status, failures, error));

  // @ts-expect-error no such event
  emitter.on("upload:done", () => {});
  // @ts-expect-error the event is the result, and carries it only once
  emitter.on("upload:settled", ({ result }) => result);
  // @ts-expect-error the payload is known: a percentage may be unknown
  emitter.on("batch:progress", ({ percentage }) => percentage.toFixed());
  // @ts-expect-error what listeners get is not theirs to change
  emitter.on("upload:progress", (event) => (event.progress = 100));

  const told = (event: UploadEvent<Photo>): unknown => {
    switch (event.type) {
      case "upload:started":
        return event.upload.album;
      case "upload:progress":
        return event.estimated;
      case "upload:retry":
        return event.delayMs;
      case "upload:warning":
        return event.error;
      case "upload:settled":
        return event.status;
      case "breaker:opened":
        return event.until;
      case "breaker:closed":
        return event.at;
      case "batch:started":
        return event.batch;
      case "batch:progress":
        return event.etaMs;
      case "batch:paused":
        return event.reason;
      case "batch:resumed":
        return event.batchId;
      case "batch:settled":
        return event.failures;
      default:
        return event satisfies never;
    }
  };
  same<keyof UploadEventPayloads<Photo>, UploadEvent<Photo>["type"]>(true);
  same<UploadEventMap<Photo>["batch:progress"], [payload: BatchProgressEvent]>(true);
  used(told, seen);
});

test("events travel as JSON", () => {
  const emitter = new UploadEventEmitter<Photo>();
  const sent: string[] = [];
  emitter.on("upload:started", (event) => {
    const wire: WireEvent = serializeEvent(event, { fields: ["album"] });
    sent.push(JSON.stringify(wire), wire.type, String(wire.v + wire.at));
  });
  const received: ReceivedEvent | null = parseEvent(JSON.parse(sent[0] ?? "{}"));
  switch (received?.type) {
    case "upload:started":
      // @ts-expect-error of the record only what was asked for came along, so nothing is certain
      received.upload.storageKey.length;
      return used(received.upload.id);
    case "upload:settled":
      return used(received.error?.code, received.status);
    case "batch:paused":
      return used(received.reason);
    default:
      return used(received?.at);
  }
});

test("plugins see uploads, stages and the runtime", () => {
  const around: Around = async (scope: WorkScope, run) => {
    const name = scope.kind === "stage" ? `${scope.stage} ${scope.attempt}` : `${scope.uploadId} ${scope.batchId}`;
    // @ts-expect-error an upload as a whole has no stage
    scope.stage;
    const { outcome, error, usage }: WorkOutcome = await run();
    return [name, outcome === "ok" || outcome === "completed", error?.code, usage?.cost];
  };
  const on: UploadListeners<Photo> = {
    "upload:settled": (event) => (event.status === "completed" ? event.upload.album : event.status),
    "batch:progress": async () => {},
  };
  const plugin: Plugin<Photo> = {
    around,
    on,
    attach: (runtime: Runtime) => {
      runtime.addBudget(1);
      return () => {};
    },
  };
  const ai = fakeAI();
  new BatchProcessor({ storage: fakeStorage(), ai, repository: memoryRepository<Photo>(), plugins: [plugin] });
  // @ts-expect-error no such event
  const deaf: Plugin<Photo> = { on: { "upload:done": () => {} } };
  used(deaf);
});

test("errors tell whose fault it is", () => {
  const fault: Fault = "service";
  const code: UploadErrorCode = "MY_OWN_CODE";
  const stage: StageName = "my-stage";
  const options: UploadErrorOptions = { code, stage, fault, retryable: true, retryAfterMs: 1000, cause: "why" };
  const error = new UploadError("The model is down", options);
  const json: UploadErrorJSON = error.toJSON();
  const again: UploadError = UploadError.fromJSON(json);
  const unknown: unknown = again;
  if (UploadError.isInstance(unknown)) {
    const { code, fault, stage, retryable, retryAfterMs, message }: UploadError = unknown;
    if (code === "ACCOUNT_REFUSED") used(fault, stage, retryable, retryAfterMs, message, unknown.cause);
  }
  const misuse: UploadError[] = [new ConfigurationError("misuse"), new RepositoryError("gone")];
  const fields = [json.name, json.message, json.code, json.stage, json.retryable, json.fault, json.retryAfterMs];
  // @ts-expect-error an error has a code
  new UploadError("no code", {});
  // @ts-expect-error nobody's fault
  new UploadError("nobody's", { code: "STAGE_FAILED", fault: "nobody" });
  // @ts-expect-error an error is what it was thrown as
  error.code = "RATE_LIMITED";
  used(misuse, fields);
});

test("the shipped adapters", async () => {
  const client: PostgresClient = { query: async (_text, _values) => ({ rows: [] }) };
  const repository = postgresRepository(client, {
    ...{ tables: { uploads: "photos", batches: "albums" }, dimensions: 3, vector: "auto", prepare: false },
  });
  await repository.migrate();
  await repository.addBatch({ id: "1" });
  await repository.addUploads([{ id: "1", storageKey: "1.jpg", batchId: "1" }]);
  const similar = await repository.findSimilar(new Float32Array(3), { limit: 5, batchId: "1", userId: "1" });
  for (const { upload, similarity } of similar) used(upload.createdAt.getTime(), similarity.toFixed(2));
  const deleted: PostgresUpload | null = await repository.deleteUpload("1");

  const storages: StorageAdapter[] = [fileStorage("photos"), memoryStorage(), fakeStorage()];
  const s3 = { send: async (_command: object, _options?: { abortSignal?: AbortSignal }): Promise<object> => ({}) };
  const bucket = s3Storage({ client: s3, bucket: "photos", prefix: "derived", cacheControl: "public, max-age=60" });
  const disk = flydriveStorage({
    getStream: async () => Readable.from([]),
    put: async (_key: string, _contents: Uint8Array, _options?: { contentType?: string }) => {},
    delete: async () => {},
  });
  storages.push(bucket, disk, splitStorage({ originals: disk, derived: bucket } satisfies SplitStorages));
  const ais: AIAdapter[] = [localAI(), fakeAI()];
  const repositories: [BatchRepositoryAdapter<PostgresUpload>, BatchRepositoryAdapter] = [
    repository,
    memoryRepository(),
  ];
  const photos: BatchRepositoryAdapter<Photo> = memoryRepository<Photo>({ uploads: [photo] });
  // @ts-expect-error no client
  postgresRepository("postgres://localhost");
  // @ts-expect-error no such kind of column
  postgresRepository(client, { vector: "halfvec" });
  // @ts-expect-error not the records of this application
  memoryRepository<Photo>({ uploads: [{ id: "1", storageKey: "1", status: "pending" }] });
  used(deleted, storages, ais, repositories, photos);
});

test("the contract of repositories, for any test runner", () => {
  const create = async (): Promise<RepositoryFixture<Photo>> => ({
    repository: memoryRepository<Photo>(),
    addUploads: async (uploads) => {
      for (const { id, storageKey } of uploads) rows.set(id, { ...photo, id, storageKey });
    },
    deleteUpload: async (id) => void rows.delete(id),
    addBatch: async ({ id, status }) => void [id, status],
    newId: () => crypto.randomUUID(),
    userId: "1",
  });
  testRepositoryContract<Photo>({ create, test: (name, run) => [name, run] });
  testRepositoryContract<Photo>({ create, test });
  // @ts-expect-error nothing to test
  testRepositoryContract<Photo>({ test: () => {} });
});

test("progress goes past one process", () => {
  // Whatever the pool and the clients are, these are their types in the contract.
  interface Pool {
    connect(): Promise<unknown>;
    query(text: string, values?: unknown[]): Promise<unknown>;
  }
  interface Clients {
    readonly publisher: { publish(channel: string, message: string): Promise<unknown> };
    readonly subscriber: {
      subscribe(channel: string): Promise<unknown>;
      on(event: "message", listener: (channel: string, message: string) => void): unknown;
    };
  }
  const overDatabase = (pool: Pool): Channel => postgresChannel(pool, { name: "uploads" });
  const overRedis = (clients: Clients): Channel => redisChannel(clients, { name: "uploads" });
  const own: Channel = {
    async publish(event: WireEvent) {
      used(event.uploadId, event.batchId);
    },
    async subscribe(onEvent: (event: ReceivedEvent) => void, onGap: () => void) {
      onGap();
      const event = parseEvent("{}");
      if (event !== null) onEvent(event);
      return async () => {};
    },
  };
  const plugin: Plugin<Photo> = publishTo(own, { fields: ["album", "description"] });
  const options = (adapters: UploadAdapters<Photo>): BatchProcessorOptions<Photo> => ({
    ...adapters,
    plugins: [plugin, publishTo(localChannel())],
  });

  const watched = async (repository: BatchRepositoryAdapter<Photo>) => {
    const handler: ProgressHandler = progressHandler({
      channel: localChannel(),
      repository,
      logger: console,
      heartbeatMs: 1000,
      subject: async (request: Request): Promise<Subject | Response | null> => {
        const id = new URL(request.url).searchParams.get("batch");
        if (request.headers.get("authorization") === null) return new Response(null, { status: 403 });
        return id === null ? null : { batchId: id };
      },
    });
    const response: Response = await handler.fetch(new Request("http://localhost"));
    used(response, createServer(handler.node));
    await handler.close();
    progressHandler({ channel: localChannel(), repository, subject: () => ({ uploadId: "1" }) });
    // @ts-expect-error: nobody says who may watch what
    progressHandler({ channel: localChannel(), repository });
  };

  const watch = (): (() => void) =>
    watchProgress("/progress?batch=1", {
      onSnapshot: ({ status, total, completed, failed, percentage, etaMs }: Snapshot) =>
        used(status, total + completed + failed + percentage, etaMs ?? 0),
      onEvent: ({ type, uploadId, progress }) => used(type, uploadId?.length, progress?.toFixed()),
      onInterrupted: (retryInMs: number) => used(retryInMs),
      onEnd: (code: number) => used(code),
      signal,
      headers: { authorization: "Bearer 1" },
      credentials: "include",
    });
  const narrow = (event: { readonly type: string; readonly uploadId?: string; readonly progress?: number }) =>
    used(event);
  const minimal = () => watchProgress("/", { onSnapshot: () => {}, onEvent: narrow });
  const truncated = (event: ChannelEvent): boolean => event.truncated === true;
  const told = (event: WatchedEvent) => used(event.stage, event.error?.code, event.upload?.description);
  used(overDatabase, overRedis, options, watched, watch, minimal, truncated, told);
});
