/**
 * A model of your own, held to what the library relies on, and what your code makes of its moods.
 *
 *     NODE_OPTIONS=--experimental-vm-modules npx jest examples/testing-with-jest.test.cjs
 *
 * Without that option Jest has no `import()`, by which the library loads what tells other media than JPEG.
 */
const { createServer } = require("node:http");
const { processUploadWithRetry } = require("upload-processor");
const { fakeAI, fakeRepository, fakeStorage, testAIContract } = require("upload-processor/testing");

/** @returns {import("upload-processor").AIAdapter} */
function captionService(url) {
  const ask = async (path, body, signal) => {
    const response = await fetch(url + path, { method: "POST", body, signal });
    const { status, headers } = response;
    // With the status and the headers the library knows whether to try again, and when.
    if (!response.ok) throw Object.assign(new Error(`The model answered ${status}`), { status, headers });
    return response.json();
  };
  return {
    version: "captions-3",
    dimensions: 4,
    describe: async (media, { signal }) => {
      const { data } = await media.visionImage();
      const { caption, tokens } = await ask("/caption", data, signal);
      return { text: caption, usage: { outputTokens: tokens } };
    },
    embed: async ({ text }, { signal }) => (await ask("/embed", text, signal)).vector,
  };
}

describe("your model, held to what the library relies on", () => {
  // Yours is the real one; here a server stands for it.
  const server = createServer((request, response) => {
    request.resume().on("end", () => {
      const answer = request.url === "/caption" ? { caption: "A gradient", tokens: 3 } : { vector: [1, 2, 3, 4] };
      response.end(JSON.stringify(answer));
    });
  });
  let url = "";
  beforeAll(async () => {
    await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
    url = `http://127.0.0.1:${server.address().port}`;
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });

  testAIContract({ test, create: () => ({ ai: captionService(url) }) });
});

describe("an upload, whatever mood the model is in", () => {
  const setup = () => ({
    storage: fakeStorage(),
    ai: fakeAI(),
    repository: fakeRepository({ uploads: [{ id: "1", storageKey: "cat.jpg", status: "pending" }] }),
  });
  const retry = { minTimeout: 0 };

  test("a description is not paid for again because the embedding failed", async () => {
    const adapters = setup();
    adapters.ai.script.embed.throws(Object.assign(new Error("overloaded"), { status: 503 }));
    expect(await processUploadWithRetry("1", adapters, { retry })).toMatchObject({ status: "completed", warnings: [] });
    expect(adapters.ai.calls.map(({ method }) => method)).toEqual(["describe", "embed", "embed"]);
  });

  test("a refusal fails the upload with the model's own words", async () => {
    const adapters = setup();
    adapters.ai.script.describe.throws(Object.assign(new Error("I cannot help with that"), { status: 400 }));
    await processUploadWithRetry("1", adapters, { retry });
    expect(await adapters.repository.findUpload("1")).toMatchObject({
      ...{ status: "failed", errorStage: "describe", errorMessage: "I cannot help with that" },
    });
  });
});
