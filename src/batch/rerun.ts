import type { Stoppable } from "../async/cancellation.js";
import { NEVER, throwIfInterrupted } from "../async/time.js";
import type { UploadFilter, UploadSelection } from "../contracts/repository.js";
import type { BatchStatus, RerunMode, UploadRecord } from "../contracts/upload.js";
import { ConfigurationError } from "../errors.js";
import { batchCancelled } from "../pipeline/claim-lost.js";
import { type Reset, resetOneByOne, selectionFor } from "../pipeline/reset.js";
import { filterOf } from "../pipeline/selection.js";
import type { Settings } from "../pipeline/settings.js";
import type { BatchRun, RunScope } from "./batch-run.js";
import { pages } from "./pages.js";
import { settle } from "./settle-batch.js";
import { OPEN_STATUSES, sum } from "./stats.js";
import { isCancelled, watchBatch } from "./watch-batch.js";

/** What a redo is over: a batch, where all of one is selected, or part of it. */
export function scopeOf(selection: UploadSelection): Pick<RunScope, "batchId" | "isStored"> {
  const { batchId = null } = filterOf(selection);
  return { batchId, isStored: batchId !== null && Object.keys(selection).length === 1 };
}

/** The story of a redo: reset what the mode takes, process it until nothing of it is open, settle the batches it was in. */
export async function rerunUploads<U extends UploadRecord>(
  run: BatchRun<U>,
  selection: UploadSelection,
  mode: RerunMode,
  redo: string,
  settings: Settings<U>,
): Promise<BatchStatus> {
  const { repository, stopping, scope } = run;
  const { batchId, isStored } = scope;
  const taken = { selection: selectionFor(selection, mode, settings), how: mode, redo };
  const isOver = (reopened: ReadonlySet<string>) => isCancelledSince(run, reopened);
  const reset = await run.opening.write((leaving) => resetAll(run, taken, settings, leaving, isOver));
  throwIfInterrupted(stopping);
  // Also what a call before this one has reset under this name and not finished: the same call goes on with it.
  const isRedone = (upload: U) => redoOf(upload) === redo && !run.excluded.has(upload.id);
  const record = batchId === null ? null : await repository.findBatch(batchId, stopping);
  if (isStored) {
    const counts = await run.count();
    if (record === null && sum(counts) === 0) throw notThere(batchId);
    run.stats.count(counts);
    run.started(record, counts);
  } else {
    run.stats.expect(await countOpen(run, selection, reset, isRedone));
    run.started(null, null);
  }

  const batches = new Set<string>();
  // Uploads may name a batch that has no row: nobody can cancel that.
  const watched = record === null ? null : batchId;
  const unwatch = watchBatch(run, watched, settings.lease.durationMs);
  try {
    for (let isDone = false; !isDone && !stopping.aborted; ) {
      isDone = true;
      const admit = (upload: U) => {
        if (!isRedone(upload)) return false;
        if (upload.batchId) batches.add(upload.batchId);
        isDone = false;
        return true;
      };
      await run.drain(pages(repository, openOf(selection), stopping, admit));
    }
  } finally {
    unwatch();
  }
  if (run.ending.isEarly || stopping.aborted) return "processing";
  if (isStored && watched !== null && (await isCancelled(run, watched))) return "cancelled";
  // A batch that nobody has begun is not completed by what was redone in it.
  for (const each of batches) await settle(repository, each, NEVER, ["processing"]);
  // Cancelled by another process, which the uploads were told by their claims and renewals.
  if (run.batchCancelled === undefined) return "completed";
  if (batchId !== null) return "cancelled";
  run.ending.interrupt(run.batchCancelled);
  return "processing";
}

function notThere(batchId: string | null): ConfigurationError {
  return new ConfigurationError(`rerun: there is no batch ${JSON.stringify(batchId)}, and no upload that names it`);
}

/**
 * Resets in one statement where the repository can, else one by one.
 *
 * @param leaving aborted when the answer of what is under way is not waited for any longer
 * @param isOver asked before each page, with the batches that were re-opened so far: whether to end here
 * @returns how many
 */
export async function resetAll<U extends UploadRecord>(
  { repository, stopping }: Pick<BatchRun<U>, "repository" | "stopping">,
  reset: Reset,
  settings: Settings<U>,
  leaving: Stoppable = stopping,
  isOver: (reopened: ReadonlySet<string>) => Promise<boolean> = async () => false,
): Promise<number> {
  const { selection, how, redo } = reset;
  if (repository.hasResets) return repository.reset(selection, how, redo, leaving);
  const own = { ...settings, repository };
  const reopened = new Set<string>();
  let changed = 0;
  for await (const { id } of pages(repository, selection, leaving, undefined, () => isOver(reopened))) {
    throwIfInterrupted(stopping);
    if (await resetOneByOne(id, reset, own, leaving, reopened)) changed++;
  }
  return changed;
}

/** Whether others have cancelled the batch of a redo since it has re-opened it; ends the run then. */
async function isCancelledSince<U extends UploadRecord>(
  { repository, stopping, scope, ending }: BatchRun<U>,
  reopened: ReadonlySet<string>,
): Promise<boolean> {
  const { batchId } = scope;
  if (batchId === null || !reopened.has(batchId)) return false;
  if ((await repository.findBatch(batchId, stopping))?.status !== "cancelled") return false;
  ending.cancel(batchCancelled(batchId));
  return true;
}

/** The redo that an open upload belongs to: a failed one that is tried again without a draft has its name in `metadata`. */
function redoOf({ draft, metadata }: UploadRecord): unknown {
  return draft?.redo ?? metadata?.redo;
}

/** How many uploads of a redo are open: also those that were reset before, by a call that was interrupted or got no answer. */
async function countOpen<U extends UploadRecord>(
  { repository, stopping }: BatchRun<U>,
  selection: UploadSelection,
  reset: number,
  isRedone: (upload: U) => boolean,
): Promise<number> {
  const open = sum(await repository.count(openOf(selection), stopping));
  // Almost always what was reset just now is all that is open: then nothing has to be read.
  if (open <= reset) return reset;
  let found = 0;
  for await (const _ of pages(repository, openOf(selection), stopping, isRedone)) found++;
  return Math.max(found, reset);
}

/** What is open of a selection once it is reset: its rows no longer have the statuses and errors that it went by. */
function openOf(selection: UploadSelection): UploadSelection {
  const { batchId, userId, ids } = filterOf(selection);
  const open: { -readonly [Key in keyof UploadFilter]: UploadFilter[Key] } & { statuses: typeof OPEN_STATUSES } = {
    statuses: OPEN_STATUSES,
  };
  if (batchId !== undefined) open.batchId = batchId;
  if (userId !== undefined) open.userId = userId;
  if (ids !== undefined) open.ids = ids;
  return open;
}
