import { Readable } from "node:stream";
import { describe, expectTypeOf, test } from "vitest";
import {
  type AIAdapter,
  assertCompleted,
  BatchProcessor,
  type BatchProcessorOptions,
  type BatchRepositoryAdapter,
  type BatchWriteOutcome,
  type BreakerOptions,
  type BudgetOptions,
  type ClaimOutcome,
  type ClaimRequest,
  createRuntime,
  type EmbeddedVector,
  type InputOptions,
  type LeaseOptions,
  type LimitOptions,
  type Media,
  type OpenedOriginal,
  type ProcessOptions,
  processUploadWithRetry,
  type RepositoryAdapter,
  type RetryOptions,
  type RunOptions,
  type RuntimeOptions,
  type StorageAdapter,
  type ThumbnailOptions,
  type TimeoutOptions,
  type UploadAdapters,
  type UploadChanges,
  type UploadRecord,
  type UploadSelection,
  type VisionOptions,
  type WriteOutcome,
} from "../../src/index.js";
import { ai, type Photo, type PrismaUpload, photo, prisma, repository, storage, toUpload } from "./fixtures.js";

describe("signals", () => {
  const adapters = { storage, ai, repository };

  test("of Node and fetch", () => {
    processUploadWithRetry("1", adapters, { signal: AbortSignal.timeout(1000) });
    processUploadWithRetry("1", adapters, { signal: AbortSignal.any([new AbortController().signal]) });
    processUploadWithRetry("1", adapters, { signal: new Request("http://localhost").signal });
  });

  test("of BullMQ's processors", () => {
    // As `Processor` of bullmq 6 declares it: the third parameter is there only for processors that name it.
    type Processor = (job: { data: { id: string } }, token?: string, signal?: AbortSignal) => Promise<unknown>;
    const work: Processor = (job, _token, signal) => processUploadWithRetry(job.data.id, adapters, { signal });
    expectTypeOf(work).toBeFunction();
  });

  test("are handed on to fetch", () => {
    const remote: AIAdapter = {
      describe: async (media, { signal, idempotencyKey }) => {
        const { data, mimeType } = await media.visionImage();
        const headers = { "content-type": mimeType, "idempotency-key": idempotencyKey };
        const body = new Uint8Array(data);
        const response = await fetch("http://localhost", { method: "POST", body, headers, signal });
        return response.text();
      },
    };
    expectTypeOf(remote).toExtend<AIAdapter<Photo>>();
  });
});

describe("rows of an ORM", () => {
  test("fit after a mapping of what differs, and decide the record", async () => {
    const rows = {
      findUpload: async (id) => {
        const row = await prisma.upload.findUnique({ where: { id } });
        return row && toUpload(row);
      },
      updateUpload: async () => "saved",
    } satisfies RepositoryAdapter<ReturnType<typeof toUpload>>;
    const result = await processUploadWithRetry("1", { storage, ai, repository: rows });
    assertCompleted(result);
    expectTypeOf(result.upload).toEqualTypeOf<ReturnType<typeof toUpload>>();
    expectTypeOf(result.upload.createdAt).toEqualTypeOf<Date>();
    expectTypeOf(result.upload.embedding).toEqualTypeOf<number[]>();
  });

  test("do not fit as they are: enums in capitals, JSON that need not be an object", () => {
    expectTypeOf<PrismaUpload>().not.toExtend<UploadRecord>();
    expectTypeOf<Omit<PrismaUpload, "status">>().not.toExtend<Omit<UploadRecord, "status">>();
    expectTypeOf<Omit<PrismaUpload, "status" | "metadata">>().toExtend<Omit<UploadRecord, "status" | "metadata">>();
  });

  test("take the changes without casts", () => {
    const write = ({ status, embedding, ...columns }: UploadChanges) => {
      const { description, starts } = columns;
      return prisma.upload.updateMany({
        where: { id: "1" },
        data: {
          ...(status && { status: status.toUpperCase() as Uppercase<typeof status> }),
          ...(description !== undefined && { description }),
          ...(starts !== undefined && { starts }),
          ...(embedding !== undefined && { embedding: embedding ?? [] }),
        },
      });
    };
    expectTypeOf(write).returns.resolves.toEqualTypeOf<{ count: number }>();
  });
});

describe("adapters of one's own", () => {
  test("as classes", async () => {
    class Rows implements BatchRepositoryAdapter<Photo> {
      #rows = new Map<string, Photo>();
      async findUpload(id: string) {
        return this.#rows.get(id) ?? null;
      }
      async updateUpload(_id: string, _changes: UploadChanges): Promise<WriteOutcome> {
        return "saved";
      }
      async claimUpload(id: string, _request: ClaimRequest): Promise<ClaimOutcome<Photo>> {
        const upload = this.#rows.get(id);
        return upload ? { outcome: "claimed", upload, fence: 1 } : { outcome: "deleted" };
      }
      async findBatch(id: string) {
        return { id, status: "pending" as const };
      }
      async updateBatch(): Promise<BatchWriteOutcome> {
        return "saved";
      }
      async listUploads(_selection: UploadSelection, { limit }: { limit: number }) {
        return [...this.#rows.values()].slice(0, limit);
      }
      async countUploads() {
        return { pending: this.#rows.size };
      }
      async listBatches() {
        return [];
      }
    }
    class Files implements StorageAdapter {
      async open(key: string) {
        return { stream: Readable.from([key]) };
      }
      async write(_key: string, _data: Uint8Array, _options: { contentType: string; signal: AbortSignal }) {}
      async delete(_key: string) {}
    }
    class Model implements AIAdapter<Photo> {
      readonly dimensions = 3;
      async describe() {
        return { text: "a cat", metadata: { tags: ["cat"] }, usage: { inputTokens: 1 } };
      }
      async embed() {
        return new Float32Array(3);
      }
    }
    const adapters = { storage: new Files(), ai: new Model(), repository: new Rows() };
    const result = await processUploadWithRetry(photo, adapters);
    assertCompleted(result);
    expectTypeOf(result.upload).toEqualTypeOf<Photo>();
    expectTypeOf(new BatchProcessor(adapters)).toEqualTypeOf<BatchProcessor<Photo>>();
  });

  test("as fakes of a unit test, with satisfies", async () => {
    const rows = new Map([["1", photo]]);
    const fake = {
      findUpload: async (id) => rows.get(id) ?? null,
      updateUpload: async (id, changes) => {
        const row = rows.get(id);
        if (row === undefined) return "deleted";
        // The parts of a draft come one by one: the rest is columns.
        const { draft: _, ...columns } = changes;
        rows.set(id, { ...row, ...columns });
        return "saved";
      },
    } satisfies RepositoryAdapter<Photo>;
    const disk = {
      open: async () => ({ bytes: new Uint8Array() }),
      write: async () => {},
      delete: async () => {},
    } satisfies StorageAdapter;
    const model = { describe: async () => "a cat" } satisfies AIAdapter;
    const result = await processUploadWithRetry("1", { storage: disk, ai: model, repository: fake });
    assertCompleted(result);
    expectTypeOf(result.upload).toEqualTypeOf<Photo>();
  });

  test("written in place, without any annotation", async () => {
    const result = await processUploadWithRetry("1", {
      storage,
      ai: { describe: async () => "a cat" },
      repository: { findUpload: async () => photo, updateUpload: async () => "saved" },
    });
    assertCompleted(result);
    expectTypeOf(result.upload).toEqualTypeOf<Photo>();
  });

  test("whose answers do not fit are errors", () => {
    ({
      findUpload: async () => photo,
      // @ts-expect-error an outcome that does not exist
      updateUpload: async () => "done",
    }) satisfies RepositoryAdapter<Photo>;
    // @ts-expect-error neither a text nor a description
    ({ describe: async () => 1 }) satisfies AIAdapter;
    // @ts-expect-error a method that wants more of the record than the contract gives: function properties are checked
    ({ describe: async (media: Media<Photo>) => media.upload.album }) satisfies AIAdapter;
  });

  test("embeddings are anything like an array of numbers", () => {
    type Embed = NonNullable<AIAdapter["embed"]>;
    expectTypeOf<() => Promise<number[]>>().toExtend<Embed>();
    expectTypeOf<() => Promise<readonly number[]>>().toExtend<Embed>();
    expectTypeOf<() => Promise<Float32Array>>().toExtend<Embed>();
    expectTypeOf<() => Promise<Float64Array>>().toExtend<Embed>();
    expectTypeOf<() => Promise<Int8Array>>().toExtend<Embed>();
    expectTypeOf<() => Promise<EmbeddedVector>>().toExtend<Embed>();
    expectTypeOf<() => Promise<{ vector: number[]; usage: { cost: number } }>>().toExtend<Embed>();
    expectTypeOf<() => Promise<string[]>>().not.toExtend<Embed>();
    expectTypeOf<() => Promise<BigInt64Array>>().not.toExtend<Embed>();
  });

  test("originals are paths, bytes or streams", () => {
    expectTypeOf<{ path: string }>().toExtend<OpenedOriginal>();
    expectTypeOf<{ bytes: Buffer; release: () => Promise<void> }>().toExtend<OpenedOriginal>();
    expectTypeOf<{ stream: Readable }>().toExtend<OpenedOriginal>();
    expectTypeOf<{ key: string }>().not.toExtend<OpenedOriginal>();
  });
});

describe("under exactOptionalPropertyTypes, undefined fits wherever something may be left out", () => {
  type AllUndefined<Options, Required extends keyof Options = never> = Pick<Options, Required> &
    Record<Exclude<keyof Options, Required>, undefined>;

  test("in options", () => {
    expectTypeOf<AllUndefined<ProcessOptions<Photo>>>().toExtend<ProcessOptions<Photo>>();
    expectTypeOf<AllUndefined<BatchProcessorOptions<Photo>, keyof UploadAdapters>>().toExtend<
      BatchProcessorOptions<Photo>
    >();
    expectTypeOf<AllUndefined<RunOptions>>().toExtend<RunOptions>();
    expectTypeOf<AllUndefined<RuntimeOptions>>().toExtend<RuntimeOptions>();
    expectTypeOf<AllUndefined<RetryOptions>>().toExtend<RetryOptions>();
    expectTypeOf<AllUndefined<ThumbnailOptions>>().toExtend<ThumbnailOptions>();
    expectTypeOf<AllUndefined<VisionOptions>>().toExtend<VisionOptions>();
    expectTypeOf<AllUndefined<InputOptions>>().toExtend<InputOptions>();
    expectTypeOf<AllUndefined<TimeoutOptions>>().toExtend<TimeoutOptions>();
    expectTypeOf<AllUndefined<LeaseOptions>>().toExtend<LeaseOptions>();
    expectTypeOf<AllUndefined<LimitOptions>>().toExtend<LimitOptions>();
    expectTypeOf<AllUndefined<BreakerOptions>>().toExtend<BreakerOptions>();
    expectTypeOf<AllUndefined<BudgetOptions, "limit">>().toExtend<BudgetOptions>();
  });

  test("in records and adapters", () => {
    expectTypeOf<AllUndefined<UploadRecord, "id" | "storageKey" | "status">>().toExtend<UploadRecord>();
    expectTypeOf<AllUndefined<AIAdapter, "describe">>().toExtend<AIAdapter>();
    expectTypeOf<AllUndefined<RepositoryAdapter, "findUpload" | "updateUpload">>().toExtend<RepositoryAdapter>();
    expectTypeOf<{ path: string; release: undefined }>().toExtend<OpenedOriginal>();
    expectTypeOf<{ max: undefined }>().toExtend<NonNullable<Parameters<Media["frames"]>[0]>>();
  });
});

test("options are copied, so they may be shared and frozen", () => {
  const runtime = createRuntime(Object.freeze({ limits: { describe: 1, embed: { perMinute: 60 } } as const }));
  const options = Object.freeze({
    runtime,
    thumbnail: false,
    retry: { maxAttempts: 3 },
    input: { allow: ["image/jpeg"] as const },
  } as const);
  processUploadWithRetry("1", { storage, ai, repository }, options);
  new BatchProcessor({ storage, ai, repository, ...options });
});
