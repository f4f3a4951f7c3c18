import { expect, test } from "vitest";
import { BatchProcessor, processUploadWithRetry } from "../../src/index.js";
import { deferred } from "../support/fakes.js";
import { adaptersOf, callsOf, finished, inMemory, type Repository } from "../support/stores.js";

const plain = { thumbnail: false, retry: { maxAttempts: 1 } } as const;

/** A redo whose final write has landed and is not answered, and what tells that another one has reset the upload. */
async function unanswered() {
  const store = await inMemory([finished("a")]);
  const { repository } = store;
  const [written, answer, reset] = [deferred(), deferred(), deferred()];
  let resets = 0;
  const slow: Repository = {
    ...repository,
    async updateUpload(id, changes, claim) {
      const outcome = await repository.updateUpload(id, changes, claim);
      if (changes.status !== "completed") return outcome;
      written.resolve();
      await answer.promise;
      return outcome;
    },
    async resetUploads(...args) {
      const changed = await repository.resetUploads?.(...args);
      if (++resets === 2) setImmediate(reset.resolve); // when whoever asked has gone on
      return changed ?? 0;
    },
  };
  const adapters = adaptersOf({ ...store, repository: slow });
  const first = processUploadWithRetry("a", adapters, { ...plain, rerun: "reprocess-all" });
  await written.promise;
  return { repository, adapters, first, reset: reset.promise, answer: answer.resolve };
}

test.each(["processUploadWithRetry", "processUpload"])(
  "a redo by %s waits for the end of the one before it",
  async (how) => {
    const { repository, adapters, first, reset, answer } = await unanswered();
    const rerun = "reprocess-all";
    const second =
      how === "processUpload"
        ? new BatchProcessor({ ...adapters, ...plain }).processUpload("a", { rerun })
        : processUploadWithRetry("a", adapters, { ...plain, rerun });
    await reset;
    answer();
    expect(await first).toMatchObject({ status: "completed" });
    expect(await second).toMatchObject({ status: "completed" });
    expect(callsOf(adapters.ai).describe).toBe(2);
    expect(await repository.findUpload("a")).toMatchObject({ status: "completed", draft: null });
  },
);

test("its signal ends that wait", async () => {
  const { adapters, first, reset, answer } = await unanswered();
  const controller = new AbortController();
  const { signal } = controller;
  const second = processUploadWithRetry("a", adapters, { ...plain, rerun: "reprocess-all", signal });
  await reset;
  controller.abort(new Error("enough"));
  expect(await second).toMatchObject({ status: "aborted", reason: { message: "enough" } });
  answer();
  await first;
});
