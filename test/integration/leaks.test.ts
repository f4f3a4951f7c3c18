import { execFile } from "node:child_process";
import { getEventListeners } from "node:events";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { BatchProcessor, processUploadWithRetry } from "../../src/index.js";
import { jpeg, uploadOf, worldOf } from "../support/fakes.js";

test("no listener is left on a caller's signal after 10,000 uploads, and never more than one is on it", async () => {
  const world = worldOf([]);
  const { signal } = new AbortController();
  let most = 0;
  world.ai.describe.mockImplementation(async () => {
    most = Math.max(most, getEventListeners(signal, "abort").length);
    return "text";
  });
  for (let chunk = 0; chunk < 100; chunk++) {
    const uploads = Array.from({ length: 100 }, (_, n) => uploadOf(`c${chunk}-${n}`));
    for (const { storageKey } of uploads) world.storage.put(storageKey, jpeg);
    await world.repository.addUploads(uploads);
    if (chunk % 2 === 0) await new BatchProcessor({ ...world, thumbnail: false }).processUploads(uploads, { signal });
    else
      await Promise.all(uploads.map((upload) => processUploadWithRetry(upload, world, { signal, thumbnail: false })));
  }
  expect(world.ai.describe).toHaveBeenCalledTimes(10_000);
  expect(most).toBe(1);
  expect(getEventListeners(signal, "abort")).toEqual([]);
});

test("a process that has settled all its work exits by itself, with no handle open", async () => {
  const script = fileURLToPath(new URL("../support/settle-and-exit.ts", import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, ["--import", "tsx", script], { timeout: 110_000 });
  expect(JSON.parse(stdout)).toEqual({ statuses: { completed: 6, failed: 2 }, timers: [], temporary: [] });
});
