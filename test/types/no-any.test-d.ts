import type { Readable } from "node:stream";
import { expectTypeOf, test } from "vitest";
import type { AiSdkOptions, SearchableAI } from "../../src/adapters/ai-sdk.js";
import type { FfmpegOptions } from "../../src/adapters/ffmpeg.js";
import type { FlydriveDisk } from "../../src/adapters/flydrive.js";
import type { HeicOptions } from "../../src/adapters/heic.js";
import type { LocalAI } from "../../src/adapters/local-ai.js";
import type { MemoryRepository, MemoryStorage } from "../../src/adapters/memory.js";
import type { OllamaAI, OllamaOptions } from "../../src/adapters/ollama.js";
import type { PostgresRepository, PostgresRepositoryOptions } from "../../src/adapters/postgres.js";
import type { S3StorageOptions } from "../../src/adapters/s3.js";
import type {
  AIAdapter,
  BatchProcessor,
  BatchProcessorOptions,
  BatchRepositoryAdapter,
  BatchResult,
  DescriptionQualityOptions,
  Plugin,
  ProcessOptions,
  ReceivedEvent,
  RunPlan,
  Runtime,
  RuntimeHealth,
  Stage,
  StorageAdapter,
  UploadError,
  UploadEvent,
  UploadEventPayloads,
  UploadResult,
  WireEvent,
} from "../../src/index.js";
import type { telemetry } from "../../src/integrations/otel.js";
import type {
  ProgressHandler,
  ProgressHandlerOptions,
  RedisClients,
  Snapshot,
} from "../../src/integrations/progress.js";
import type { WatchOptions } from "../../src/integrations/progress-client.js";
import type { Photo } from "./fixtures.js";

type IsAny<T> = 0 extends 1 & T ? true : false;

/** Types of others, which may do as they please; so may the methods of a text, which is what an open union comes down to. */
type Foreign = AbortSignal | Readable | NodeJS.ReadableStream | Uint8Array | Float32Array | Date | Error;

/** The places in `T`, in its members, parameters and results, where `any` stands: `never` when there are none. */
type AnyIn<T, Place extends string = "", Depth extends 0[] = []> =
  IsAny<T> extends true
    ? `any at ${Place}`
    : Depth["length"] extends 7
      ? never
      : T extends Foreign | string
        ? never
        : T extends (...parameters: infer Parameters) => infer Result
          ? AnyIn<Parameters, `${Place}(…)`, [...Depth, 0]> | AnyIn<Result, `${Place}()`, [...Depth, 0]>
          : T extends PromiseLike<infer Result>
            ? AnyIn<Result, Place, [...Depth, 0]>
            : T extends readonly unknown[]
              ? AnyIn<T[number], `${Place}[]`, [...Depth, 0]>
              : T extends object
                ? { [Key in keyof T & string]-?: AnyIn<T[Key], `${Place}.${Key}`, [...Depth, 0]> }[keyof T & string]
                : never;

test("the search finds any, wherever it stands", () => {
  expectTypeOf<AnyIn<{ a: { b: { c: unknown }[] } }>>().toBeNever();
  // biome-ignore-start lint/suspicious/noExplicitAny: what is searched for
  expectTypeOf<AnyIn<any>>().toEqualTypeOf<"any at ">();
  expectTypeOf<AnyIn<{ a: { b: any }[] }>>().toEqualTypeOf<"any at .a[].b">();
  expectTypeOf<AnyIn<(event: { a: any }) => void>>().toEqualTypeOf<"any at (…)[].a">();
  expectTypeOf<AnyIn<{ a?: ((x: string) => Promise<any[]>) | undefined }>>().toEqualTypeOf<"any at .a()[]">();
  // biome-ignore-end lint/suspicious/noExplicitAny: what is searched for
});

test("no any in results and payloads", () => {
  expectTypeOf<AnyIn<UploadResult<Photo>>>().toBeNever();
  expectTypeOf<AnyIn<BatchResult>>().toBeNever();
  expectTypeOf<AnyIn<UploadEventPayloads<Photo>>>().toBeNever();
  expectTypeOf<AnyIn<UploadEvent<Photo>>>().toBeNever();
  expectTypeOf<AnyIn<WireEvent | ReceivedEvent | null>>().toBeNever();
  expectTypeOf<AnyIn<RunPlan>>().toBeNever();
  expectTypeOf<AnyIn<RuntimeHealth>>().toBeNever();
  expectTypeOf<
    AnyIn<Pick<UploadError, "code" | "stage" | "fault" | "retryable" | "retryAfterMs" | "cause" | "toJSON">>
  >().toBeNever();
});

test("no any in options and contracts", () => {
  expectTypeOf<AnyIn<Omit<ProcessOptions<Photo>, "events">>>().toBeNever();
  expectTypeOf<AnyIn<Omit<BatchProcessorOptions<Photo>, "events">>>().toBeNever();
  expectTypeOf<AnyIn<StorageAdapter>>().toBeNever();
  expectTypeOf<AnyIn<AIAdapter<Photo>>>().toBeNever();
  expectTypeOf<AnyIn<DescriptionQualityOptions>>().toBeNever();
  expectTypeOf<AnyIn<BatchRepositoryAdapter<Photo>>>().toBeNever();
  expectTypeOf<AnyIn<Stage<Photo, { readonly score: number }>>>().toBeNever();
  expectTypeOf<AnyIn<Omit<Plugin<Photo>, "on">>>().toBeNever();
  expectTypeOf<AnyIn<Runtime>>().toBeNever();
});

test("no any in what the processor answers", () => {
  type Run = "process" | "processUpload" | "processUploads" | "recover" | "rerun" | "plan" | "undo";
  type Own = Run | "cancel" | "abortUpload" | "pause" | "resume" | "close" | "health" | "isPaused" | "activeCount";
  expectTypeOf<AnyIn<Pick<BatchProcessor<Photo>, Own>>>().toBeNever();
});

test("no any in the integrations", () => {
  expectTypeOf<AnyIn<Omit<ReturnType<typeof telemetry>, "on">>>().toBeNever();
});

test("no any in the adapters", () => {
  expectTypeOf<AnyIn<MemoryRepository<Photo>>>().toBeNever();
  expectTypeOf<AnyIn<MemoryStorage>>().toBeNever();
  expectTypeOf<AnyIn<LocalAI>>().toBeNever();
  expectTypeOf<AnyIn<AiSdkOptions>>().toBeNever();
  expectTypeOf<AnyIn<SearchableAI>>().toBeNever();
  expectTypeOf<AnyIn<OllamaAI>>().toBeNever();
  expectTypeOf<AnyIn<Omit<OllamaOptions, "fetch">>>().toBeNever();
  expectTypeOf<AnyIn<PostgresRepository>>().toBeNever();
  expectTypeOf<AnyIn<PostgresRepositoryOptions>>().toBeNever();
  expectTypeOf<AnyIn<S3StorageOptions>>().toBeNever();
  expectTypeOf<AnyIn<FlydriveDisk>>().toBeNever();
  expectTypeOf<AnyIn<FfmpegOptions>>().toBeNever();
  expectTypeOf<AnyIn<HeicOptions>>().toBeNever();
});

test("no any in the integrations", () => {
  expectTypeOf<AnyIn<Omit<ProgressHandlerOptions<Photo>, "subject">>>().toBeNever();
  expectTypeOf<AnyIn<Exclude<Awaited<ReturnType<ProgressHandlerOptions<Photo>["subject"]>>, Response>>>().toBeNever();
  expectTypeOf<AnyIn<Pick<ProgressHandler, "close">>>().toBeNever();
  expectTypeOf<AnyIn<RedisClients | Snapshot>>().toBeNever();
  expectTypeOf<AnyIn<WatchOptions>>().toBeNever();
});
