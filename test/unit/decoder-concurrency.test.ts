import { afterEach, expect, it, test, vi } from "vitest";
import { heic } from "../../src/adapters/heic.js";
import { createRuntime, processUploadWithRetry } from "../../src/index.js";
import { fakeDecoder } from "../support/fake-decoder.js";
import { deferred, until, uploadOf, worldOf } from "../support/fakes.js";
import { mp4 } from "../support/images.js";

afterEach(() => vi.useRealTimers());

/** As `until`, while timers stand still. */
async function untilSoon(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}

/** Three videos and a photo; the decoder of the videos takes one at a time, and is done with none before `release`. */
function crowd() {
  const uploads = ["v1", "v2", "v3", "photo"].map((id) => uploadOf(id));
  const world = worldOf(uploads);
  for (const { id, storageKey } of uploads) if (id !== "photo") world.storage.put(storageKey, mp4);
  const { promise, resolve: release } = deferred();
  let [busy, mostBusy] = [0, 0];
  const decoder = fakeDecoder({
    before: async () => {
      mostBusy = Math.max(mostBusy, ++busy);
      await promise;
      busy--;
    },
  });
  const limited = Object.assign(decoder, { concurrency: 1 });
  world.ai.describe.mockImplementation(async (media) => `${(await media.visionImage()).width} px wide`);
  return { world, decoder: limited, release, mostBusy: () => mostBusy };
}

test("files that wait for a decoder hold no decode slot, so that others are decoded meanwhile", async () => {
  const { world, decoder, release, mostBusy } = crowd();
  const runtime = createRuntime({ limits: { decode: 2 } });
  const options = { decoders: [decoder], runtime };
  const videos = ["v1", "v2", "v3"].map((id) => processUploadWithRetry(id, world, options));
  await until(() => decoder.requests.length === 1 && runtime.health().waiting === 2);
  expect(await processUploadWithRetry("photo", world, options)).toMatchObject({ status: "completed", warnings: [] });
  expect(decoder.requests).toHaveLength(1);
  release();
  for (const video of videos) expect(await video).toMatchObject({ status: "completed", warnings: [] });
  expect(mostBusy()).toBe(1);
  expect(runtime.health().waiting).toBe(0);
});

test.each([
  ["of the model's call", { thumbnail: false, timeouts: { describeMs: 1000, decodeMs: 1000 } }],
  ["of the thumbnail", { timeouts: { thumbnailMs: 1000, describeMs: 1000, decodeMs: 1000 } }],
] as const)("the wait for a decoder is no part of the time %s", async (_, impatient) => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  const { world, decoder, release } = crowd();
  const runtime = createRuntime({ limits: { decode: 4 } });
  const patient = { thumbnail: false, timeouts: { describeMs: 1e6, decodeMs: 1e6 } } as const;
  const first = processUploadWithRetry("v1", world, { ...patient, decoders: [decoder], runtime });
  await untilSoon(() => decoder.requests.length === 1);
  const retry = { maxAttempts: 1 };
  const second = processUploadWithRetry("v2", world, { ...impatient, decoders: [decoder], retry, runtime });
  await untilSoon(() => runtime.health().waiting === 1);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(decoder.requests).toHaveLength(1);
  release();
  for (const working of [first, second]) expect(await working).toMatchObject({ status: "completed", warnings: [] });
});

test("one that serves two runtimes takes no more at once", async () => {
  const { world, decoder, release, mostBusy } = crowd();
  const started = ["v1", "v2"].map((id) => {
    const runtime = createRuntime();
    return { runtime, working: processUploadWithRetry(id, world, { decoders: [decoder], runtime }) };
  });
  const waiting = () => started.reduce((sum, { runtime }) => sum + runtime.health().waiting, 0);
  await until(() => decoder.requests.length === 1 && waiting() === 1);
  release();
  for (const { working } of started) expect(await working).toMatchObject({ status: "completed", warnings: [] });
  expect(mostBusy()).toBe(1);
});

test("an abort ends the wait, and the next one has its turn", async () => {
  const { world, decoder, release } = crowd();
  const runtime = createRuntime({ limits: { decode: 4 } });
  const options = { decoders: [decoder], runtime };
  const controller = new AbortController();
  const first = processUploadWithRetry("v1", world, options);
  await until(() => decoder.requests.length === 1);
  const second = processUploadWithRetry("v2", world, { ...options, signal: controller.signal });
  await until(() => runtime.health().waiting === 1);
  const third = processUploadWithRetry("v3", world, options);
  await until(() => runtime.health().waiting === 2);
  controller.abort(new Error("stop"));
  expect(await second).toMatchObject({ status: "aborted" });
  expect(runtime.health().waiting).toBe(1);
  release();
  for (const working of [first, third]) expect(await working).toMatchObject({ status: "completed" });
});

it.each([0, 1.5, "2"])("a concurrency of %j is none", async (concurrency) => {
  const { world, decoder } = crowd();
  const decoders = [Object.assign(decoder, { concurrency })] as never;
  await expect(processUploadWithRetry("v1", world, { decoders })).rejects.toThrow(
    /decoders\[0\]\.concurrency: expected an integer of at least 1/,
  );
});

it("is as many workers as heic has", () => {
  expect(heic().concurrency).toBe(1);
  expect(heic({ workers: 3 }).concurrency).toBe(3);
});
