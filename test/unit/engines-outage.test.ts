import { beforeEach, describe, expect, test, vi } from "vitest";
import { BatchProcessor } from "../../src/index.js";
import { settled, useFakeTime } from "../support/fake-time.js";
import { ids, worldOf } from "../support/fakes.js";

/** The job of an engine while its database is away: as in a batch, nothing is paid for again, and nobody is to blame. */
useFakeTime();

const ID = "u0000";
const refused = () => Object.assign(new Error("connect ECONNREFUSED 127.0.0.1:5432"), { code: "ECONNREFUSED" });
let isDown = false;
beforeEach(() => {
  isDown = false;
});

function world() {
  const { repository, storage, ai } = worldOf(ids(1));
  const reach =
    <A extends unknown[], R>(call: (...args: A) => Promise<R>) =>
    async (...args: A) => {
      if (isDown) throw refused();
      return call(...args);
    };
  const { findUpload, claimUpload, updateUpload } = repository;
  const adapter = {
    ...repository,
    findUpload: reach(findUpload),
    claimUpload: reach(claimUpload),
    updateUpload: reach(updateUpload),
  };
  const processor = new BatchProcessor({ storage, ai, repository: adapter, thumbnail: false });
  const job = (signal?: AbortSignal) => processor.processUpload(ID, { attempt: { number: 1, max: 1 }, signal });
  return { ai, repository, job };
}

/** The database goes away as the model answers, for so long. */
function awayFor(ms: number, answer: string) {
  return async () => {
    isDown = true;
    setTimeout(() => {
      isDown = false;
    }, ms);
    return answer;
  };
}

describe("the database goes away while an engine's job is at work", () => {
  test.each([20_000, 200_000])("for %i ms: it waits with what is finished, and goes on", async (ms) => {
    const { ai, repository, job } = world();
    ai.describe.mockImplementation(awayFor(ms, "a cat"));
    expect(await settled(job())).toMatchObject({ status: "completed" });
    expect(ai.describe).toHaveBeenCalledTimes(1);
    expect(ai.embed).toHaveBeenCalledTimes(1);
    expect(await repository.findUpload(ID)).toMatchObject({ status: "completed", starts: 0, description: "a cat" });
  });

  test("aborted meanwhile, it ends: the engine is told, and comes back", async () => {
    const { ai, job } = world();
    const controller = new AbortController();
    ai.describe.mockImplementation(async () => {
      setTimeout(() => controller.abort(), 10_000);
      return awayFor(3_600_000, "a cat")();
    });
    await expect(settled(job(controller.signal))).rejects.toMatchObject({ code: "REPOSITORY_FAILED" });
    expect(isDown).toBe(true);
  });

  test("before it is claimed, it waits in its engine, not here", async () => {
    const { ai, job } = world();
    isDown = true;
    await expect(settled(job())).rejects.toMatchObject({ code: "REPOSITORY_FAILED" });
    expect(vi.getTimerCount()).toBe(0);
    expect(ai.describe).not.toHaveBeenCalled();
  });
});
