import { afterEach, beforeEach, expect, test } from "vitest";
import {
  type AIAdapter,
  BatchProcessor,
  createRuntime,
  fallbackAI,
  processUploadWithRetry,
  UploadError,
} from "../../src/index.js";
import { ids, worldOf } from "../support/fakes.js";

/** JavaScript lets a callback be async that is to answer at once. Its rejection is held by nobody, and would end the process. */
let calls = 0;
/** No mock: that would hold the promise. */
const rejecting = (async () => {
  calls++;
  throw new Error("async");
}) as unknown as () => never;
const unhandled: unknown[] = [];
const onUnhandled = (reason: unknown) => void unhandled.push(reason);

beforeEach(() => {
  calls = 0;
  unhandled.length = 0;
  process.on("unhandledRejection", onUnhandled);
});
afterEach(() => {
  process.off("unhandledRejection", onUnhandled);
});

/** Node tells of a rejection that nobody holds before the next turn of the event loop. */
async function nothingUnhandled(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
  expect(unhandled).toEqual([]);
  expect(calls).toBeGreaterThan(0);
}

const plain = { thumbnail: false, retry: { maxAttempts: 2, minTimeout: 1, randomize: false } } as const;
const down = async () => Promise.reject(Object.assign(new Error("down"), { status: 503 }));

test.each<[string, (world: ReturnType<typeof worldOf>) => object, object]>([
  ["ai.price", ({ ai }) => ({ ai: { ...ai, price: rejecting } }), plain],
  ["audit.check", ({ ai }) => ({ ai: { ...ai, audit: { check: rejecting } } }), plain],
  ["thumbnail.key", () => ({}), { thumbnail: { key: rejecting } }],
  ["renditions.small.key", () => ({}), { ...plain, renditions: { small: { size: 8, key: rejecting } } }],
  [
    "price of a chain",
    ({ ai }) => ({
      ai: fallbackAI([
        { ...ai, price: rejecting },
        { ...ai, price: rejecting },
      ]),
    }),
    plain,
  ],
  ["when of a chain", ({ ai }) => ({ ai: fallbackAI([{ ...ai, describe: down }, ai], { when: rejecting }) }), plain],
  [
    "logger",
    ({ ai }) => ({
      ai: {
        ...ai,
        price: () => {
          throw new Error("no");
        },
      },
    }),
    { ...plain, logger: { debug: rejecting, info: rejecting, warn: rejecting, error: rejecting } },
  ],
])("of %s: the upload is completed, and nothing is left unheld", async (_, adapters, options) => {
  const world = worldOf(ids(1));
  const result = await processUploadWithRetry("u0000", { ...world, ...adapters(world) }, options);
  expect(result).toMatchObject({ status: "completed" });
  await nothingUnhandled();
});

test("of retry.shouldRetry: the error itself says whether it is retried", async () => {
  const world = worldOf(ids(2));
  const options = { ...plain, retry: { ...plain.retry, shouldRetry: rejecting } };
  world.ai.describe.mockImplementationOnce(down);
  expect(await processUploadWithRetry("u0000", world, options)).toMatchObject({ status: "completed", attempts: 2 });
  world.ai.describe.mockRejectedValueOnce(new UploadError("no", { code: "CONTENT_REFUSED", retryable: false }));
  expect(await processUploadWithRetry("u0001", world, options)).toMatchObject({ status: "failed", attempts: 1 });
  await nothingUnhandled();
});

test("of ai.price, under a budget: no price is known", async () => {
  const world = worldOf(ids(2));
  const processor = new BatchProcessor({ ...world, ai: { ...world.ai, price: rejecting }, ...plain });
  const running = processor.process("batch", { budget: 5 });
  await expect(running).resolves.toMatchObject({ error: { message: expect.stringContaining("ai.price") } });
  await nothingUnhandled();
});

test("of a chain that is asked outside of the library, and of a plugin's attach", async () => {
  const { ai } = worldOf([]);
  const chain: AIAdapter = fallbackAI([{ ...ai, describe: down, price: rejecting }, ai], { when: rejecting });
  const context = {
    signal: new AbortController().signal,
    logger: { debug() {}, info() {}, warn() {}, error() {} },
  } as never;
  const media = { upload: { id: "a" } } as never;
  expect(await chain.describe(media, context)).toMatchObject({ text: "A photo of a" });
  const world = worldOf([]);
  const plugins = [{ attach: rejecting }, { attach: () => rejecting }];
  await new BatchProcessor({ ...world, plugins, runtime: createRuntime() }).close();
  await nothingUnhandled();
});
