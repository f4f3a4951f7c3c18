const { processUploadWithRetry } = require("upload-processor");
const { memoryRepository } = require("upload-processor/memory");
const { fakeAI, fakeRepository, fakeStorage, testRepositoryContract } = require("upload-processor/testing");

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
