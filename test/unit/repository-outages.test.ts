import { expect, test } from "vitest";
import { memoryRepository } from "../../src/adapters/memory.js";
import { Cancellation } from "../../src/async/cancellation.js";
import { Gate } from "../../src/batch/gate.js";
import { RepositoryError } from "../../src/index.js";
import { ReliableRepository } from "../../src/pipeline/reliable-repository.js";
import { SharedRuntime } from "../../src/runtime/runtime.js";
import { settled, useFakeTime } from "../support/fake-time.js";

useFakeTime();

/** A repository of a run, beside a neighbour whose calls say whether it can be reached. */
function open(isListingDown: () => boolean, isDown: () => boolean) {
  const stored = memoryRepository();
  const down = async () => Promise.reject(new Error("connection refused"));
  const stop = new Cancellation();
  const repository = new ReliableRepository({
    ...stored,
    listBatches: (page) => (isListingDown() || isDown() ? down() : stored.listBatches(page)),
    findBatch: (id) => (isDown() ? down() : stored.findBatch(id)),
  }).withOutage(new Gate(new SharedRuntime({}), { models: 1, others: [] }).outageFor(() => stop));
  const neighbour = setInterval(() => {
    repository.findBatch("b", stop).catch(() => {});
  }, 400);
  const list = async () => {
    try {
      return await settled(repository.listBatches({ status: "processing", limit: 10 }, stop));
    } finally {
      clearInterval(neighbour);
      stop.abort(undefined);
    }
  };
  return { list };
}

test("a repository that goes down twice while it is listed is waited for", async () => {
  const begunAt = Date.now();
  const isBetween = (from: number, to: number) => Date.now() - begunAt >= from && Date.now() - begunAt < to;
  // It fails by itself at first; then the repository is down, which it is again when it was just back.
  const { list } = open(
    () => isBetween(0, 1450),
    () => isBetween(1450, 6450) || isBetween(7350, 12_350),
  );
  expect(await list()).toEqual([]);
});

test("a listing that fails alone, while others are answered, is no outage", async () => {
  const { list } = open(
    () => true,
    () => false,
  );
  const thrown = await list().catch((error: unknown) => error);
  expect(thrown).toBeInstanceOf(RepositoryError);
  expect(thrown).toMatchObject({ message: "The batches could not be listed: connection refused" });
});
