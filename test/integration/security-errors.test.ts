import { describe, expect, test, vi } from "vitest";
import { classifyError, isFault, isRefusal, messageOf, usageOf } from "../../src/errors.js";
import { BatchProcessor, type ProcessOptions, processUploadWithRetry, UploadError } from "../../src/index.js";
import { uploadOf, type World, worldOf } from "../support/fakes.js";
import { HOSTILE_ERRORS } from "../support/hostile.js";

const quick: ProcessOptions = { retry: { maxAttempts: 2, minTimeout: 0 } };

describe("whatever is thrown", () => {
  test.each([...HOSTILE_ERRORS.keys()])("%s is classified", (name) => {
    const thrown = HOSTILE_ERRORS.get(name);
    const error = classifyError(thrown, "describe", "DESCRIBE_FAILED");
    expect(error).toBeInstanceOf(UploadError);
    expect(error).toMatchObject({ code: "DESCRIBE_FAILED", stage: "describe", retryable: expect.any(Boolean) });
    expect(error.fault).toBe("upload");
    expect(error.message).toEqual(expect.stringMatching(/^.{1,500}$/));
    expect(messageOf(thrown).length).toBeLessThanOrEqual(10_000);
    expect(UploadError.fromJSON(JSON.parse(JSON.stringify(error))).toJSON()).toEqual(error.toJSON());
    expect(isRefusal(thrown)).toEqual(expect.any(Boolean));
    expect(() => [usageOf(thrown), isFault(thrown, "upload")]).not.toThrow();
  });

  test.each([...HOSTILE_ERRORS.keys()])("%s is no JSON of an error, or is read as one", (name) => {
    const read = () => UploadError.fromJSON(HOSTILE_ERRORS.get(name));
    expect(() => expect(read()).toBeInstanceOf(UploadError)).toSatisfy((attempt: () => void) => {
      try {
        attempt();
        return true;
      } catch (error) {
        return isFault(error, "deployment");
      }
    });
  });

  const places: Record<string, (world: World, thrown: unknown) => void> = {
    "ai.describe": ({ ai }, thrown) => void ai.describe.mockRejectedValue(thrown),
    "ai.embed": ({ ai }, thrown) => void ai.embed.mockRejectedValue(thrown),
    "storage.open": ({ storage }, thrown) => void vi.spyOn(storage, "open").mockRejectedValue(thrown),
  };

  describe.each(Object.entries(places))("by %s", (_, arrange) => {
    test.each([...HOSTILE_ERRORS.keys()])("%s: the upload fails with a reason", async (name) => {
      const world = worldOf([uploadOf("a")]);
      arrange(world, HOSTILE_ERRORS.get(name));
      const result = await processUploadWithRetry("a", world, quick);
      expect(result.status).toBe("failed");
      const stored = await world.repository.findUpload("a");
      expect(stored).toMatchObject({ status: "failed", errorMessage: expect.stringMatching(/^.{1,500}$/) });
    });
  });

  // Together: each waits some seconds between its tries.
  test.concurrent.each([...HOSTILE_ERRORS.keys()])(
    "by storage.write, %s: the upload is completed with a warning",
    async (name) => {
      const world = worldOf([uploadOf("a")]);
      vi.spyOn(world.storage, "write").mockRejectedValue(HOSTILE_ERRORS.get(name));
      const result = await processUploadWithRetry("a", world, quick);
      expect(result).toMatchObject({ status: "completed", warnings: [{ stage: "thumbnail" }] });
    },
  );

  test("by a listener and by shouldRetry: the work goes on", async () => {
    for (const [name, thrown] of HOSTILE_ERRORS) {
      const world = worldOf([uploadOf("a")]);
      world.ai.describe.mockRejectedValueOnce(new Error("once"));
      const shouldRetry = () => {
        throw thrown;
      };
      const processor = new BatchProcessor({ ...world, retry: { maxAttempts: 2, minTimeout: 0, shouldRetry } });
      processor.on("upload:started", () => {
        throw thrown;
      });
      expect(await processor.process("batch"), name).toMatchObject({ completed: 1 });
    }
  });
});

describe("a chatty backend", () => {
  const chatty = `401 from https://user:hunter2@api.test/v1?api_key=k3y
Authorization: Bearer tok3n-abc; open '/home/jo smith/secret/cat.jpg' \u001b[31m\u202e sk-proj-abcdefghijklmnop`;
  const secrets = /hunter2|k3y|tok3n|jo smith|sk-proj/;

  /** Everything that the library says of it, but for the `cause`, which it does not touch. */
  async function told(thrown: Error) {
    const world = worldOf([uploadOf("a"), uploadOf("b\nlevel=error msg=forged \u001b[31m")]);
    world.ai.describe.mockRejectedValue(thrown);
    vi.spyOn(world.storage, "write").mockRejectedValue(thrown);
    const logged: { fields: object; message: string | undefined }[] = [];
    const log = (fields: object, message?: string) => void logged.push({ fields, message });
    const emitted: unknown[] = [];
    const processor = new BatchProcessor({
      ...{ ...world, ...quick, logger: { debug: log, info: log, warn: log, error: log } },
    });
    for (const name of ["upload:retry", "upload:warning", "upload:settled", "batch:settled"] as const)
      processor.on(name, (payload) => void emitted.push(payload));
    const result = await processor.process("batch");
    const stored = await world.repository.listUploads({ batchId: "batch" }, { limit: 10 });
    return { logged, emitted, result, stored };
  }

  test("no credential, no path and no control character gets into the row, an event, a log or JSON", async () => {
    const { logged, emitted, result, stored } = await told(new Error(chatty));
    expect(stored.map(({ status }) => status)).toEqual(["failed", "failed"]);
    expect(emitted).toHaveLength(2 * 3 + 1);
    expect(logged).toHaveLength(2);
    for (const { errorMessage } of stored) expect(errorMessage).toMatch(/^401 from https:\/\/\*\*\*@api\.test/);
    // JSON is what a logger and a queue make of it: an UploadError leaves its cause out.
    const everything = [logged, emitted, result, stored].map((each) => JSON.stringify(each));
    for (const each of everything) expect(each).not.toMatch(secrets);
    const lines = [...logged.map(({ message }) => message), ...stored.map(({ errorMessage }) => errorMessage)];
    // biome-ignore lint/suspicious/noControlCharactersInRegex: that there are none
    for (const line of lines) expect(line).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202e]/);
  });

  test("the cause is what was thrown, untouched", async () => {
    const thrown = new Error(chatty);
    const { result } = await told(thrown);
    expect(result.failures.map(({ error }) => error.cause)).toEqual([thrown, thrown]);
    expect(thrown.message).toBe(chatty);
  });

  test("an id with a newline is told in fields, where a logger escapes it; in messages it is one line", async () => {
    const world = worldOf([]);
    const id = "b\nlevel=error msg=forged \u001b[31m";
    vi.spyOn(world.repository, "claimUpload").mockRejectedValue(new TypeError("no"));
    const rejected = await processUploadWithRetry(id, world).catch((error: unknown) => error);
    expect(rejected).toMatchObject({ code: "REPOSITORY_FAILED" });
    expect((rejected as Error).message).toBe("Upload b level=error msg=forged  could not be claimed: no");
  });
});
