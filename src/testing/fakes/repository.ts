import {
  type MemoryRepository,
  type MemoryRepositoryOptions,
  memoryRepository,
  type StoredUpload,
} from "../../adapters/memory.js";
import type { UploadRecord } from "../../contracts/upload.js";
import { type FakeControls, fake } from "./fake.js";

export type FakeRepository<U extends UploadRecord = UploadRecord> = MemoryRepository<U> &
  FakeControls<MemoryRepository<U>>;

/**
 * A repository in memory, with claims and leases, that records its calls, and does what a script says. Its clock is `now`:
 * with a `fakeClock()` leases run out when the test wants them to.
 *
 * @example
 * const repository = fakeRepository({ uploads: [{ id: "1", storageKey: "cat.jpg", status: "pending" }] });
 * repository.script.updateUpload.passes().throws(new Error("connection lost"));   // the second write
 * await processUploadWithRetry("1", { storage: fakeStorage(), ai: fakeAI(), repository });
 * assert.equal((await repository.findUpload("1"))?.status, "completed");
 */
export function fakeRepository<U extends UploadRecord = UploadRecord>(
  options: MemoryRepositoryOptions<U> = {},
): FakeRepository<StoredUpload<U>> {
  return fake(memoryRepository(options), options.now);
}
