import { expect, test } from "vitest";
import { BatchProcessor, UploadError } from "../../src/index.js";
import { deferred, ids, worldOf } from "../support/fakes.js";

const plain = { thumbnail: false, retry: { maxAttempts: 1 } } as const;
const lost = () => {
  throw new Error("cursor closed");
};
const refused = Object.assign(new Error("connect ECONNREFUSED 10.0.0.1:5432"), { code: "ECONNREFUSED" });

const BROKEN: readonly [string, () => object, string][] = [
  ["has no async iterator", () => ({ [Symbol.asyncIterator]: lost }), "cursor closed"],
  ["has no iterator", () => ({ [Symbol.iterator]: lost }), "cursor closed"],
  ["has a getter that throws", () => Object.defineProperty({}, Symbol.iterator, { get: lost }), "cursor closed"],
  ["makes null of one", () => ({ [Symbol.iterator]: () => null }), "Cannot read properties of null"],
  [
    "cannot reach its database",
    () => ({
      [Symbol.asyncIterator]: () => ({
        next: async () => {
          throw refused;
        },
      }),
    }),
    "ECONNREFUSED",
  ],
  [
    "throws an error of ours",
    () => ({
      [Symbol.iterator]: () => {
        throw new UploadError("not this one", { code: "REJECTED" });
      },
    }),
    "not this one",
  ],
];
test.each(BROKEN)("an input that %s has failed as the input", async (_, source, message) => {
  const processor = new BatchProcessor({ ...worldOf(ids(1)), ...plain });
  const { status, error } = await processor.processUploads(source() as Iterable<string>);
  expect(status).toBe("failed");
  expect(error).toMatchObject({ code: "INPUT_FAILED", fault: "deployment", retryable: false });
  expect(error?.message).toContain("The iterable given to processUploads threw: ");
  expect(error?.message).toContain(message);
  expect(error?.cause).toBeInstanceOf(Error);
});

test("an input that ends its run while it is asked is left and closed; under an aborted signal none is opened", async () => {
  const processor = new BatchProcessor({ ...worldOf(ids(2)), ...plain, concurrency: 1 });
  const controller = new AbortController();
  const closed = deferred();
  let opened = 0;
  const source = {
    [Symbol.asyncIterator]: () => {
      opened++;
      return { next: () => new Promise<never>(() => controller.abort()), return: async () => closed.resolve() };
    },
  };
  const { signal } = controller;
  expect(await processor.processUploads(source as never, { signal })).toMatchObject({ status: "processing" });
  await closed.promise;
  expect(await processor.processUploads(source as never, { signal })).toMatchObject({ status: "processing" });
  expect(opened).toBe(1);
});
