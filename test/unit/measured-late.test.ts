import { expect, test, vi } from "vitest";
import { createRuntime, mediaFacts, processUploadWithRetry, UploadError } from "../../src/index.js";
import { fakeDecoder } from "../support/fake-decoder.js";
import { deferred, until, untilAborted, uploadOf, worldOf } from "../support/fakes.js";
import { mp4 } from "../support/images.js";

const MEDIA = { mimeType: "video/mp4", kind: "video", bytes: mp4.length } as const;

/** Videos that are measured behind the description: no picture is made, and the model asks for none. */
function videos(...ids: string[]) {
  const uploads = ids.map((id) => uploadOf(id));
  const world = worldOf(uploads);
  for (const { storageKey } of uploads) world.storage.put(storageKey, mp4);
  return world;
}

const unseen = { thumbnail: false, retry: { maxAttempts: 1 } } as const;

test("the description is stored before the original is measured, and is not paid for again", async () => {
  const world = videos("a");
  const controller = new AbortController();
  const probing = deferred();
  const decoder = Object.assign(fakeDecoder(), {
    probe: vi.fn(async (_: object, { signal }: { signal: AbortSignal }) => {
      probing.resolve();
      return untilAborted(signal);
    }),
  });
  const working = processUploadWithRetry("a", world, { ...unseen, decoders: [decoder], signal: controller.signal });
  await probing.promise;
  expect(await world.repository.findUpload("a")).toMatchObject({ description: "A photo of a", status: "analyzing" });
  controller.abort(new Error("stop"));
  expect(await working).toMatchObject({ status: "aborted" });
  const healthy = fakeDecoder({ probe: { codec: "h264" } });
  expect(await processUploadWithRetry("a", world, { ...unseen, decoders: [healthy] })).toMatchObject({
    status: "completed",
    upload: { description: "A photo of a" },
  });
  expect(world.ai.describe).toHaveBeenCalledTimes(1);
});

test("what is measured is stored beside what the model told", async () => {
  const world = videos("a");
  world.ai.describe.mockResolvedValue({ text: "A photo of a", metadata: { tags: ["sea"] } });
  const decoders = [fakeDecoder({ probe: { codec: "h264", durationSeconds: 2 } })];
  const result = await processUploadWithRetry("a", world, { ...unseen, decoders });
  if (result.status !== "completed") throw new Error(result.status);
  expect(result.warnings).toEqual([]);
  expect(mediaFacts(result.upload)).toEqual({ ...MEDIA, codec: "h264", durationSeconds: 2 });
  expect(result.upload).toMatchObject({ description: "A photo of a", metadata: { tags: ["sea"] } });
});

test("a decoder that goes on for too long costs the facts, and no more", async () => {
  const world = videos("a");
  const decoder = Object.assign(fakeDecoder(), {
    probe: (_: object, { signal }: { signal: AbortSignal }) => untilAborted(signal),
  });
  const options = { ...unseen, decoders: [decoder], timeouts: { decodeMs: 20 } };
  const result = await processUploadWithRetry("a", world, options);
  expect(result).toMatchObject({
    status: "completed",
    upload: { description: "A photo of a", metadata: { media: MEDIA } },
    warnings: [{ code: "STAGE_TIMEOUT", stage: "open" }],
  });
});

test("so does a storage that does not open the original again", async () => {
  const world = videos("a");
  await world.repository.updateUpload("a", { metadata: { media: MEDIA } });
  const open = (_: string, { signal }: { signal: AbortSignal }) => untilAborted(signal);
  const storage = { ...world.storage, open };
  const decoders = [fakeDecoder({ probe: { codec: "h264" } })];
  const options = { ...unseen, decoders, timeouts: { decodeMs: 20 } };
  const result = await processUploadWithRetry("a", { ...world, storage }, options);
  expect(result).toMatchObject({
    status: "completed",
    upload: { description: "A photo of a" },
    warnings: [{ code: "STAGE_TIMEOUT", stage: "open" }],
  });
});

test("so does an original that cannot be measured", async () => {
  const world = videos("a");
  const failing = async () => Promise.reject(new UploadError("cut off", { code: "INVALID_MEDIA" }));
  const result = await processUploadWithRetry("a", world, { ...unseen, decoders: [fakeDecoder({ probe: failing })] });
  expect(result).toMatchObject({
    status: "completed",
    upload: { description: "A photo of a" },
    warnings: [{ code: "INVALID_MEDIA", message: "cut off" }],
  });
});

test("who waits for a decode slot to be measured has its description stored", async () => {
  const world = videos("a", "b");
  const runtime = createRuntime({ limits: { decode: 1 } });
  const { promise, resolve: release } = deferred();
  const busy = fakeDecoder({ before: () => promise });
  const first = processUploadWithRetry("a", world, { decoders: [busy], runtime });
  await until(() => busy.requests.length === 1);
  const decoders = [fakeDecoder({ probe: { codec: "h264" } })];
  // Its time does not run before it has its slot.
  const second = processUploadWithRetry("b", world, { ...unseen, decoders, runtime, timeouts: { decodeMs: 5000 } });
  await until(() => runtime.health().waiting === 1);
  expect(await world.repository.findUpload("b")).toMatchObject({ description: "A photo of b" });
  release();
  for (const working of [first, second]) expect(await working).toMatchObject({ status: "completed", warnings: [] });
  expect(mediaFacts((await world.repository.findUpload("b")) ?? uploadOf("b"))).toMatchObject({ codec: "h264" });
});
