const { mkdtempSync, rmSync } = require("node:fs");
const { tmpdir } = require("node:os");
const { join } = require("node:path");
const { processUploadWithRetry } = require("upload-processor");
const { fileStorage } = require("upload-processor/fs");
const { memoryRepository } = require("upload-processor/memory");
const {
  fakeAI,
  fakeRepository,
  fakeStorage,
  testRepositoryContract,
  testStorageContract,
} = require("upload-processor/testing");

test("an upload is completed, with a thumbnail", async () => {
  const repository = fakeRepository({ uploads: [{ id: "1", storageKey: "photo.jpg", status: "pending" }] });
  const result = await processUploadWithRetry("1", { storage: fakeStorage(), ai: fakeAI(), repository });
  expect(result).toMatchObject({ status: "completed", warnings: [], upload: { thumbnailKey: "thumbnails/1.jpg" } });
});

testRepositoryContract({
  test,
  create() {
    let now = 1_000_000;
    const repository = memoryRepository({ now: () => now });
    const advance = (ms) => {
      now += ms;
    };
    return { ...repository, repository, advance };
  },
});

const folder = mkdtempSync(join(tmpdir(), "upload-processor-jest-"));
afterAll(() => rmSync(folder, { recursive: true }));
testStorageContract({ test, create: () => ({ storage: fileStorage(folder) }), paths: true });
