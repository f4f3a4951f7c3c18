import { expect, vi } from "vitest";
import { randomFrom } from "../../../src/testing/random.js";
import { type Action, type PoisonScenario, recordOf, reruns, type Scenario } from "./scenario.js";
import { Store } from "./store.js";
import { later, Worker, type WorkerOptions } from "./worker.js";

const LONGEST_RUN_MS = 3_600_000;

/** Plays one scenario, lets a healthy worker bring it to its end, and fails when an invariant did not hold. */
export async function play(scenario: Scenario): Promise<void> {
  const store = new Store(scenario.uploads.map(recordOf));
  const random = randomFrom(`scenario ${scenario.seed}`);
  vi.spyOn(Math, "random").mockImplementation(random); // the backoff's: a case has to repeat itself
  const { concurrency, maxAttempts, claims, faults } = scenario;
  const hire = (name: string, options: Partial<WorkerOptions> = {}) =>
    new Worker(store, {
      ...{ name, concurrency, maxAttempts, claims, faults, random, repeats: reruns(scenario) },
      ...options,
    });
  const workers = Array.from({ length: scenario.workers }, (_, n) => hire(`worker ${n}`));
  const everybody = [...workers];
  const replace = (place: number, name: string) => {
    const worker = hire(name);
    workers[place] = worker;
    everybody.push(worker);
  };

  /** Who is being replaced: not twice, because without claims one works at a time. */
  const leaving = new Set<Worker>();

  const act = async ({ atMs, kind, worker: index, upload }: Action) => {
    await later(atMs);
    const place = index % workers.length;
    const worker = workers[place] as Worker;
    const id = `u${upload % store.uploads}`;
    if (kind === "restart" || kind === "crash") {
      if (leaving.has(worker)) return;
      leaving.add(worker);
    }
    switch (kind) {
      case "delete": // as a delete endpoint does it: the row first
        await store.repository.deleteUpload(id);
        worker.processor.abortUpload(id);
        store.objects.delete(`thumbnails/${id}.jpg`);
        return;
      case "abort": // also one whose claim is only being asked for: it is aborted without having started
        if (worker.processor.abortUpload(id)) worker.conduct.aborted.add(id);
        return;
      case "add":
        return store.addUpload();
      case "cancel":
        await worker.processor.cancel("b").catch(() => {});
        return;
      case "pause":
        worker.processor.pause();
        setTimeout(() => worker.processor.resume(), 5000);
        return;
      case "resume":
        return worker.processor.resume();
      case "signal":
        return worker.stop.abort(new Error("stopped"));
      case "restart":
        await worker.processor.close({ graceMs: 500 });
        return replace(place, `worker ${place} again`);
      case "crash":
        worker.die();
        return replace(place, `worker ${place} after a crash`);
      case "retry":
      case "reprocess":
      case "reprocess-all":
      case "undo":
        return worker.rerun(kind, `redo ${upload % 3}`);
    }
  };
  await settle(Promise.all(scenario.actions.map(act)));
  await settle(Promise.all(everybody.flatMap(({ ended, reruns: redone }) => [ended, ...redone])));

  const healthy = hire("the healthy worker", { faults: 0, resumeCancelled: true });
  const result = await settle(healthy.ended);
  if (result instanceof Error) throw result;
  if (result.status !== "completed") store.problems.push(`the healthy worker ended with ${JSON.stringify(result)}`);
  const uploads = await store.repository.listUploads({ batchId: "b" }, { limit: 100 });
  for (const { id, status, description, embedding, starts, draft, errorCode } of uploads) {
    // Where uploads are reset one by one, by two writes, the second may be missing; the retry takes them up.
    if (draft && !errorCode && claims)
      store.problems.push(`${id} is ${status}, and has a draft that nobody goes on with`);
    if (status !== "completed" && status !== "failed") store.problems.push(`${id} is left ${status}`);
    if (status === "completed" && !(description && embedding?.length))
      store.problems.push(`${id} is completed without its results`);
    if (status === "completed" && description !== "before" && starts !== 0)
      store.problems.push(`${id}: starts ${starts}`);
  }
  for (const { id, thumbnailKey } of uploads)
    if (thumbnailKey && !store.objects.has(thumbnailKey)) store.problems.push(`${id} has lost its thumbnail`);
  // A storage that fails five times in a row keeps what it has, and a worker that dies leaves what it wrote last.
  if (faults <= 0.02 && !scenario.actions.some(({ kind }) => kind === "crash")) {
    await vi.advanceTimersByTimeAsync(60_000);
    for (const key of store.objects)
      if (!uploads.some(({ id }) => key === `thumbnails/${id}.jpg`)) store.problems.push(`${key} was left behind`);
  }
  await retryAll(store, hire("the worker of the retry", { faults: 0, repeats: true }));
  const again = await settle(hire("the second run", { faults: 0 }).ended);
  if (again instanceof Error) throw again;
  if (again.status !== "completed" || again.skipped !== uploads.length)
    store.problems.push(`a second run found something to do: ${JSON.stringify(again)}`);
  await expectNothingLeft(store);
}

/** What has failed is done when it is retried by a healthy worker, and what was completed all the time is left alone. */
async function retryAll(store: Store, worker: Worker): Promise<void> {
  await settle(worker.ended);
  worker.rerun("retry", "the last redo");
  const [result] = await settle(Promise.all(worker.reruns));
  if (result instanceof Error) throw result;
  for (const { id, status, draft, errorCode, description, embedding } of await store.repository.listUploads(
    { batchId: "b" },
    { limit: 100 },
  ))
    if (status !== "completed" || draft || errorCode || !description || !embedding?.length)
      store.problems.push(`${id} is ${status} after a retry: ${errorCode}`);
}

/** Lets a poison strike until it is in quarantine, and fails when anything else has come to harm. */
export async function playPoison(scenario: PoisonScenario): Promise<void> {
  const { maxStarts, concurrency, workers } = scenario;
  const store = new Store(Array.from({ length: scenario.uploads }, (_, index) => recordOf("pending", index)));
  const random = randomFrom(`poison ${scenario.seed}`);
  vi.spyOn(Math, "random").mockImplementation(random);
  const everybody: Worker[] = [];
  let crashes = 0;
  const hire = (name: string) => {
    const strikes = () => {
      crashes++;
      hire(`${name} after crash ${crashes}`);
    };
    const poison = { id: `u${scenario.poison}`, strikes };
    everybody.push(
      new Worker(store, {
        ...{ name, concurrency, maxStarts, poison, random },
        maxAttempts: 1,
        claims: true,
        faults: 0,
      }),
    );
  };
  for (let n = 0; n < workers; n++) hire(`worker ${n}`);
  // Over the array as it grows: who comes in place of a dead worker ends later.
  for (const worker of everybody) await settle(worker.ended);

  const uploads = await store.repository.listUploads({ batchId: "b" }, { limit: 100 });
  const notCompleted = uploads.filter(({ status }) => status !== "completed");
  expect(notCompleted.map(({ id, status, errorCode }) => ({ id, status, errorCode }))).toEqual([
    { id: `u${scenario.poison}`, status: "failed", errorCode: "QUARANTINED" },
  ]);
  expect(crashes).toBe(maxStarts);
  await expectNothingLeft(store);
}

async function expectNothingLeft(store: Store): Promise<void> {
  // What an adapter that ignores its signal waits for is not ours, and neither is what it does late: it is let run out.
  for (let passed = 0; vi.getTimerCount() > 0 && passed < 600_000; passed += 10_000)
    await vi.advanceTimersByTimeAsync(10_000);
  if (vi.getTimerCount() > 0) store.problems.push(`${vi.getTimerCount()} timers are left`);
  if (store.problems.length > 0) throw new Error(store.problems.join("\n"));
}

/** Lets the time pass until the work is done. */
async function settle<T>(work: Promise<T>): Promise<T> {
  let done = false;
  const settled = work.finally(() => {
    done = true;
  });
  settled.catch(() => {});
  for (let passed = 0; !done; passed += 500) {
    if (passed > LONGEST_RUN_MS) throw new Error("the work never ends");
    await vi.advanceTimersByTimeAsync(500);
  }
  return settled;
}
