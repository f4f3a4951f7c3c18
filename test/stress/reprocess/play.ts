import { derivedKeys } from "../../../src/index.js";
import { randomFrom } from "../../../src/testing/random.js";
import { Gallery } from "./gallery.js";
import type { Action, History } from "./history.js";
import { LEASE_MS, later, Worker } from "./worker.js";

const EVERYTHING = { all: true } as const;
const BATCH = { batchId: "b" } as const;

/** Plays one history, lets a healthy worker bring it to its end, and tells what was wrong on the way. */
export async function play(history: History): Promise<readonly string[]> {
  const gallery = new Gallery(history);
  const random = randomFrom(`reprocess ${history.seed}`);
  const everybody: Worker[] = [];
  const workers: Worker[] = [];
  let redos = 0;

  const hire = (name: string) => {
    const worker = new Worker(name, gallery, history, random);
    everybody.push(worker);
    // What others have left, and then what the new models make stale: with the name that all workers of a version use.
    worker.told(async (processor) => {
      await processor.recover();
      const { describe, embed } = worker.version;
      return processor.rerun(BATCH, "reprocess", { name: `${describe} ${embed}` });
    });
    return worker;
  };
  for (let n = 0; n < history.workers; n++) workers.push(hire(`worker ${n}`));

  /** Who is being replaced: not twice. */
  const leaving = new Set<Worker>();
  const replace = async (worker: Worker, place: number, how: "kill" | "close") => {
    if (leaving.has(worker)) return;
    leaving.add(worker);
    if (how === "kill") {
      worker.kill();
      await later(random() * LEASE_MS);
    } else await worker.close();
    workers[place] = hire(`worker ${everybody.length}`);
  };

  const act = async ({ atMs, kind, worker: index, upload }: Action): Promise<void> => {
    await later(atMs);
    const place = index % workers.length;
    const worker = workers[place] as Worker;
    const id = `u${upload % history.uploads.length}`;
    switch (kind) {
      case "reprocess":
      case "reprocess-all":
      case "retry":
        return worker.told((processor) => processor.rerun(BATCH, kind, { name: `redo ${++redos}` }));
      case "undo":
        return worker.told((processor) => processor.undo({ ids: [id] }), true);
      case "deploy a model": {
        const { describe, embed } = gallery.version;
        const next = (version: string) => `${version[0]}${Number(version.slice(1)) + 1}`;
        gallery.version = upload % 2 === 0 ? { describe: next(describe), embed } : { describe, embed: next(embed) };
        return replace(worker, place, "close");
      }
      case "kill":
        return replace(worker, place, "kill");
      case "restart":
        return replace(worker, place, "close");
      case "abort":
        worker.processor.abortUpload(id);
        return;
      case "delete": {
        const deleted = await gallery.repository.deleteUpload(id);
        await gallery.look(id);
        worker.processor.abortUpload(id);
        if (deleted !== null) for (const key of derivedKeys(deleted)) gallery.thumbnails.delete(key);
        return;
      }
      case "cancel":
        return worker.told((processor) => processor.cancel("b"), true);
      case "model down":
        gallery.isModelDown = true;
        await later(5000);
        gallery.isModelDown = false;
        return;
      case "store down":
        gallery.isStoreDown = true;
        gallery.outages++;
        await later(5000);
        gallery.isStoreDown = false;
        return;
    }
  };
  await Promise.all(history.actions.map(act));
  for (const worker of everybody) for (const run of worker.runs) await run;
  for (const worker of everybody) if (!worker.isDead) await worker.close();

  gallery.isHealed = true;
  await bringToItsEnd(gallery, history, random);
  gallery.judgeBill();
  return gallery.problems;
}

/** What is left is done by a worker to which nothing happens. */
async function bringToItsEnd(gallery: Gallery, history: History, random: () => number): Promise<void> {
  const healthy = new Worker("the healthy worker", gallery, { ...history, faults: 0 }, random);
  const { processor } = healthy;
  await later(LEASE_MS);
  await processor.recover();
  await processor.recover({ statuses: ["pending", "processing", "cancelled"] });
  await processor.rerun(EVERYTHING, "retry");
  await processor.rerun(EVERYTHING, "reprocess");
  const plan = await processor.plan(EVERYTHING, "reprocess");
  const wrong = (what: string) => gallery.problems.push(`at the end ${what}`);
  if (plan.uploads > 0) wrong(`${plan.uploads} uploads are not up to date`);
  const uploads = await gallery.lookAtAll();
  for (const { id, status, draft, starts, errorCode, embedding } of uploads) {
    if (status !== "completed" || draft || starts || errorCode || !embedding?.length)
      wrong(`${id} is ${JSON.stringify({ status, draft, starts, errorCode, embedding })}`);
  }
  const { status } = (await gallery.repository.findBatch("b")) ?? {};
  if (status !== "completed" && uploads.length > 0) wrong(`the batch is ${status}`);
  if (mayLeaveObjects(history)) return;
  const owned = new Set(uploads.map(({ thumbnailKey }) => thumbnailKey));
  for (const key of gallery.thumbnails) if (!owned.has(key)) wrong(`${key} belongs to no upload`);
}

/**
 * A kill, or a call that failed five times in a row, may leave an object. Where each version has a key of its own, so does an undone
 * redo when its upload is deleted before the next redo, or the next redo is of another version.
 */
function mayLeaveObjects({ faults, actions, keyByVersion }: History): boolean {
  const happens = (...kinds: readonly Action["kind"][]) => actions.some(({ kind }) => kinds.includes(kind));
  if (faults > 0 || happens("kill", "store down")) return true;
  return keyByVersion && happens("undo") && happens("delete", "deploy a model");
}
