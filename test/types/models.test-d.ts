import { describe, expectTypeOf, test } from "vitest";
import {
  type AIAdapter,
  type Audit,
  type AuditVerdict,
  BatchProcessor,
  type Description,
  describeByPolling,
  type EmbeddedVectors,
  type EmbedManyContext,
  type FallbackCause,
  fallbackAI,
  type Media,
  type PolledJob,
  type PollingOptions,
  processUploadWithRetry,
  type StageContext,
  type UploadError,
  type UploadRecord,
} from "../../src/index.js";
import { ai, type Photo, photo, repository, storage } from "./fixtures.js";

describe("embedMany", () => {
  test("stands beside embed, or alone", () => {
    const many = {
      describe: async () => "a cat",
      embedMany: async (inputs, { signal, idempotencyKey, logger }) => {
        expectTypeOf(inputs).toEqualTypeOf<readonly { readonly text: string; readonly upload: Photo }[]>();
        expectTypeOf(signal).toEqualTypeOf<AbortSignal>();
        expectTypeOf(idempotencyKey).toEqualTypeOf<string>();
        logger.debug({ texts: inputs.length }, "embedding");
        return { vectors: inputs.map(({ upload }) => [upload.album.length]), usage: { inputTokens: 3 } };
      },
      embedBatch: { maxSize: 16 },
    } satisfies AIAdapter<Photo>;
    processUploadWithRetry("1", { storage, ai: many, repository });
    expectTypeOf(many.embedMany).returns.resolves.toExtend<EmbeddedVectors>();
    expectTypeOf<Float32Array[]>().toExtend<EmbeddedVectors["vectors"]>();
    expectTypeOf<EmbedManyContext>().not.toExtend<StageContext>();
    // @ts-expect-error vectors alone do not tell what they used up
    ({ describe: async () => "", embedMany: async () => [[1]] }) satisfies AIAdapter;
  });
});

describe("an audit", () => {
  const check: Audit<Photo>["check"] = (text, { upload, kind, prompt }) => {
    expectTypeOf(kind).toEqualTypeOf<"image" | "video">();
    expectTypeOf(prompt).toEqualTypeOf<string | undefined>();
    return { ok: text.includes(upload.album), score: 0.5, issues: [] };
  };

  test("is an option of a call and of a processor, or none", () => {
    processUploadWithRetry("1", { storage, ai, repository }, { audit: { check, maxAsks: 3 } });
    processUploadWithRetry("1", { storage, ai, repository }, { audit: false });
    new BatchProcessor({ storage, ai, repository, audit: { check } });
    new BatchProcessor({ storage, ai, repository, audit: undefined });
    // @ts-expect-error true is no audit
    new BatchProcessor({ storage, ai, repository, audit: true });
  });

  test("that knows no record fits any", () => {
    const any: Audit = { check: (text) => ({ ok: text.length > 3, score: 1, issues: ["short"] }) };
    processUploadWithRetry("1", { storage, ai, repository }, { audit: any });
    expectTypeOf(any.check).returns.toEqualTypeOf<AuditVerdict>();
  });
});

describe("fallbackAI", () => {
  test("makes an adapter for the record of its adapters", () => {
    const chain = fallbackAI([ai, { describe: async () => "a cat" }]);
    expectTypeOf(chain).toEqualTypeOf<AIAdapter>();
    processUploadWithRetry("1", { storage, ai: chain, repository });
    const own: AIAdapter<Photo> = { describe: async ({ upload }) => upload.album };
    const chained = fallbackAI<Photo>([own], {
      when: (cause, upload) => {
        if (cause.error !== undefined) expectTypeOf(cause.error).toEqualTypeOf<UploadError>();
        else expectTypeOf(cause.audit).toEqualTypeOf<AuditVerdict>();
        return upload.album !== "private";
      },
    });
    processUploadWithRetry(photo, { storage, ai: chained, repository });
    const when = ({ error, audit }: FallbackCause) => error?.code === "CONTENT_REFUSED" || (audit?.score ?? 1) < 0.5;
    fallbackAI([ai], { when });
  });
});

describe("describeByPolling", () => {
  test("knows its job, and the record", () => {
    const describeIt = describeByPolling<Photo, { readonly id: number }>({
      start: async (media, { signal, idempotencyKey }) => {
        expectTypeOf(media).toEqualTypeOf<Media<Photo>>();
        return { id: idempotencyKey.length + Number(signal.aborted) };
      },
      read: async ({ id }, context) => {
        expectTypeOf(context).toEqualTypeOf<StageContext>();
        return id > 3 ? { done: true, result: { text: "a cat", usage: { cost: 1 } } } : { done: false, progress: 0.5 };
      },
      cancel: async ({ id }) => void id,
      minIntervalMs: 100,
    });
    expectTypeOf(describeIt).toEqualTypeOf<AIAdapter<Photo>["describe"]>();
    processUploadWithRetry("1", { storage, ai: { describe: describeIt }, repository });
  });

  test("infers the job where nobody tells it", () => {
    const describeIt = describeByPolling({
      start: async () => "job",
      read: async (job) => {
        expectTypeOf(job).toEqualTypeOf<string>();
        return { done: true, result: "a cat" };
      },
    });
    expectTypeOf(describeIt).toEqualTypeOf<AIAdapter<UploadRecord>["describe"]>();
    expectTypeOf<{ done: true; result: Description }>().toExtend<PolledJob>();
    expectTypeOf<{ start: () => Promise<1>; read: () => Promise<PolledJob> }>().toExtend<PollingOptions<Photo, 1>>();
    describeByPolling({
      start: async () => 1,
      read: async (job) => (job > 1 ? { done: true, error: new Error("no picture") } : { done: false }),
    });
    // @ts-expect-error a job that is done has a result, or an error
    describeByPolling({ start: async () => 1, read: async () => ({ done: true }) });
  });
});
