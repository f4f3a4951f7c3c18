import { describe, expectTypeOf, test } from "vitest";
import { memoryRepository } from "../../src/adapters/memory.js";
import {
  type AIAdapter,
  assertCompleted,
  BatchProcessor,
  type BatchResult,
  processUploadWithRetry,
  type RepositoryAdapter,
  UploadError,
  type UploadRecord,
  type UploadResult,
} from "../../src/index.js";
import { ai, type Photo, photo, repository, storage } from "./fixtures.js";

describe("the repository alone decides the type of the record", () => {
  test("of one upload", async () => {
    const result = await processUploadWithRetry(photo, { storage, ai, repository });
    expectTypeOf(result).toEqualTypeOf<UploadResult<Photo>>();
    if (result.status === "completed") expectTypeOf(result.upload).toEqualTypeOf<Photo>();
  });

  test("of an upload that is named by its id", async () => {
    const result = await processUploadWithRetry("1", { storage, ai, repository });
    assertCompleted(result);
    expectTypeOf(result.upload).toEqualTypeOf<Photo>();
  });

  test("of options and their callbacks", () => {
    processUploadWithRetry(
      "1",
      { storage, ai, repository },
      {
        thumbnail: {
          key: (upload) => {
            expectTypeOf(upload).toEqualTypeOf<Photo>();
            return `${upload.album}/${upload.id}.jpg`;
          },
        },
      },
    );
  });

  test("of an AI adapter that is written in place", () => {
    processUploadWithRetry("1", {
      storage,
      repository,
      ai: {
        describe: async (media, context) => {
          expectTypeOf(media.upload).toEqualTypeOf<Photo>();
          expectTypeOf(context.signal).toEqualTypeOf<AbortSignal>();
          return media.upload.album;
        },
        embed: async ({ text, media }) => {
          expectTypeOf(media.upload).toEqualTypeOf<Photo>();
          return [text.length];
        },
      },
    });
  });

  test("of a processor", () => {
    const processor = new BatchProcessor({ storage, ai, repository });
    expectTypeOf(processor).toEqualTypeOf<BatchProcessor<Photo>>();
    expectTypeOf(processor.processUploads([photo])).toEqualTypeOf<Promise<BatchResult>>();
    expectTypeOf(processor.process("batch")).toEqualTypeOf<Promise<BatchResult>>();
    const plain = new BatchProcessor({ storage, ai, repository: {} as RepositoryAdapter });
    expectTypeOf(plain).toEqualTypeOf<BatchProcessor<UploadRecord>>();
  });

  test("of a repository in memory", async () => {
    const uploads: Photo[] = [];
    const result = await processUploadWithRetry("1", { storage, ai, repository: memoryRepository({ uploads }) });
    assertCompleted(result);
    expectTypeOf(result.upload).toEqualTypeOf<Photo>();
  });

  test("of a repository in memory that was filled in place", async () => {
    const inPlace = memoryRepository({
      uploads: [{ id: "1", storageKey: "originals/cat.jpg", status: "pending", album: "cats" }],
    });
    const result = await processUploadWithRetry("1", { storage, ai, repository: inPlace });
    assertCompleted(result);
    expectTypeOf(result.upload.album).toEqualTypeOf<string>();
    expectTypeOf(result.upload.description).toEqualTypeOf<string | null | undefined>();
    expectTypeOf(result.upload.status).toEqualTypeOf<UploadRecord["status"]>();
  });
});

describe("what does not fit is an error", () => {
  const { album, ...plain } = photo;

  test("an upload that is not the repository's", () => {
    // @ts-expect-error no album
    processUploadWithRetry(plain, { storage, ai, repository });
    // @ts-expect-error no id
    processUploadWithRetry({ album }, { storage, ai, repository });
    // @ts-expect-error neither an upload nor an id
    processUploadWithRetry(1, { storage, ai, repository });
    const processor = new BatchProcessor({ storage, ai, repository });
    // @ts-expect-error no album
    processor.processUploads([plain]);
  });

  test("an AI adapter for other records", () => {
    const other = {} as AIAdapter<UploadRecord & { readonly camera: string }>;
    // @ts-expect-error no camera
    processUploadWithRetry("1", { storage, ai: other, repository });
    // @ts-expect-error no camera
    new BatchProcessor({ storage, ai: other, repository });
  });

  test("an adapter that lacks a member, an option that does not exist", () => {
    // @ts-expect-error no repository
    processUploadWithRetry("1", { storage, ai });
    // @ts-expect-error no write and delete
    processUploadWithRetry("1", { storage: { open: storage.open }, ai, repository });
    // @ts-expect-error a name that does not exist
    processUploadWithRetry("1", { storage, ai, repository }, { retries: 3 });
    // @ts-expect-error true is not an option, only false is
    processUploadWithRetry("1", { storage, ai, repository }, { thumbnail: true });
    // @ts-expect-error a mode that does not exist
    processUploadWithRetry("1", { storage, ai, repository }, { rerun: "again" });
  });
});

describe("a result is narrowed by its status", () => {
  const outcome = (result: UploadResult<Photo>): string => {
    switch (result.status) {
      case "completed":
        return result.upload.album;
      case "failed":
        return result.error.code;
      case "deferred":
        expectTypeOf(result.retryAfterMs).toEqualTypeOf<number | undefined>();
        return result.error.message;
      case "skipped":
        return result.reason satisfies "already-completed" | "already-failed" | "claimed-elsewhere" | "not-found";
      case "deleted":
        return result.uploadId;
      case "aborted":
        expectTypeOf(result.reason).toBeUnknown();
        return result.uploadId;
      default:
        expectTypeOf(result).toBeNever();
        return result;
    }
  };

  test("exhaustively", () => {
    expectTypeOf(outcome).returns.toBeString();
  });

  test("and has an upload only when it is completed", () => {
    const result = {} as UploadResult<Photo>;
    // @ts-expect-error it may have failed
    result.upload;
    assertCompleted(result);
    expectTypeOf(result.upload).toEqualTypeOf<Photo>();
  });
});

test("an error is narrowed by isInstance", () => {
  const thrown: unknown = new Error();
  if (UploadError.isInstance(thrown)) expectTypeOf(thrown).toEqualTypeOf<UploadError>();
  else expectTypeOf(thrown).toBeUnknown();
});
