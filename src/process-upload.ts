import { Interrupted, throwIfInterrupted } from "./async/time.js";
import type { UploadRecord } from "./contracts/upload.js";
import { classifyError, isFault, RepositoryError, UploadError } from "./errors.js";
import { acquireClaim } from "./pipeline/acquire.js";
import { pluginFailed } from "./pipeline/call-stage.js";
import { batchCancelled } from "./pipeline/claim-lost.js";
import { backoff, retry } from "./pipeline/retry.js";
import { UploadRun } from "./pipeline/run.js";
import type { Settings } from "./pipeline/settings.js";
import { breakerOf } from "./pipeline/verdict.js";
import { wrapped } from "./plugins.js";
import type { UploadResult } from "./result.js";
import type { ActiveUpload } from "./runtime/active-upload.js";
import { removeReplaced } from "./stages/derived-objects.js";
import { makeOptional } from "./stages/optional.js";
import type { StageRow } from "./stages/stage.js";
import type { StageTable } from "./stages/table.js";
import { claimedElsewhere, lost, stopped, unstarted } from "./upload-outcome.js";

/** What the uploads of one call, or of one processor, are done with. */
export interface Work<U extends UploadRecord> {
  readonly settings: Settings<U>;
  readonly table: StageTable<U>;
}

/**
 * One upload, start to finish. When it is cancelled, the upload is handed back.
 *
 * @param entry tells of it while it is in work
 * @param alone whether no other upload is in work that may take the process down
 * @returns `"suspect"`, and nothing is begun: it was started before and never settled, and has to be done alone
 */
export async function processUpload<U extends UploadRecord>(
  upload: U | string,
  entry: ActiveUpload,
  work: Work<U>,
  alone = false,
): Promise<UploadResult<U> | "suspect"> {
  const { settings } = work;
  const startedAt = performance.now();
  const { uploadId: id, cancellation } = entry;
  if (cancellation.aborted) return { status: "aborted", reason: cancellation.reason, ...unstarted(id, startedAt) };
  if (!alone && typeof upload !== "string" && isSuspect(upload)) return "suspect";
  const { runtime } = settings;
  const isHeldHere = runtime.begin(entry);
  try {
    // The repository may grant it when the lease has run out, as behind an outage: what the holder could not store would be lost.
    if (isHeldHere) return claimedElsewhere(settings, unstarted(id, startedAt), undefined);
    const acquired = await acquireClaim(id, settings, cancellation);
    switch (acquired.outcome) {
      case "settled": {
        const reason = acquired.upload.status === "failed" ? "already-failed" : "already-completed";
        return { status: "skipped", reason, ...unstarted(id, startedAt) };
      }
      case "deleted":
        return { status: "skipped", reason: "not-found", ...unstarted(id, startedAt) };
      case "busy":
        return claimedElsewhere(settings, unstarted(id, startedAt), entry.isFree ? 1 : acquired.retryAfterMs);
      case "cancelled": {
        const reason = batchCancelled(typeof upload === "string" ? null : upload.batchId);
        return { status: "aborted", reason, ...unstarted(id, startedAt) };
      }
      case "claimed": {
        const { claim } = acquired;
        entry.claim = claim;
        if (!alone && claim.starts > 1 && claim.starts <= settings.lease.maxStarts) {
          // The record at hand did not tell that it is a suspect: hand it back uncounted, and queue up.
          try {
            await claim.handBack();
          } finally {
            await claim.abandon(); // also where the store refuses that
          }
          return "suspect";
        }
        return await workOn(new UploadRun(claim, settings, cancellation, work.table.bands, startedAt), work.table);
      }
    }
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error;
    return { status: "aborted", reason: cancellation.reason, ...unstarted(id, startedAt) };
  } finally {
    runtime.end(entry);
  }
}

/** Whether the next start of this upload would be at least its second in a row that may not settle. */
function isSuspect(upload: UploadRecord): boolean {
  return (upload.starts ?? 0) >= 1 && upload.status !== "completed" && upload.status !== "failed";
}

/** The story of a claimed upload, in the wrappers of the plugins. */
function workOn<U extends UploadRecord>(run: UploadRun<U>, table: StageTable<U>): Promise<UploadResult<U>> {
  const { arounds } = run.settings;
  if (arounds.length === 0) return untilReleased(run, table);
  return wrapped(
    arounds,
    { kind: "upload", uploadId: run.id, batchId: run.batchId },
    () => untilReleased(run, table),
    (settled) => {
      const usage = run.used.toUsage();
      if ("thrown" in settled)
        return { outcome: "aborted", error: classifyError(settled.thrown, "save", "REPOSITORY_FAILED"), usage };
      const { value } = settled;
      if (!("error" in value)) return { outcome: value.status, usage };
      const outcome = { outcome: value.status, error: value.error, usage };
      if (value.status === "failed" && value.kept) return Object.assign(outcome, { kept: true });
      if (value.status === "deferred" && value.countsAsAttempt)
        return Object.assign(outcome, { countsAsAttempt: true });
      return outcome;
    },
    (thrown) => run.warn(pluginFailed(thrown, null)),
  );
}

async function untilReleased<U extends UploadRecord>(
  run: UploadRun<U>,
  table: StageTable<U>,
): Promise<UploadResult<U>> {
  const { claim } = run;
  run.emit("upload:started", () => ({ upload: run.record(), starts: claim.starts }));
  run.progress.start();
  try {
    const result = await untilSettled(run, table);
    const cleaning = cleanUp();
    if (cleaning !== undefined) await cleaning;
    run.settled(result);
    return result;
  } catch (error) {
    // The outcome could not be stored, or the deployment is at fault: the row is as the last write left it.
    await cleanUp();
    run.settled({ status: "aborted", reason: error, ...run.summary() });
    throw error;
  }

  function cleanUp(): Promise<unknown> | undefined {
    run.progress.halt();
    const abandoning = claim.abandon();
    return abandoning === undefined ? run.media.release() : abandoning.then(() => run.media.release());
  }
}

/** Attempts, until everything is made or the work has to stop. */
async function untilSettled<U extends UploadRecord>(run: UploadRun<U>, table: StageTable<U>): Promise<UploadResult<U>> {
  const { settings } = run;
  try {
    refusePoison(run);
    refuseOtherMetadata(run);
    await retry(
      (attempt) => {
        run.attempts = attempt;
        return makeAll(run, table.rows, settings.attempt?.number ?? attempt);
      },
      {
        maxAttempts: settings.retry.maxAttempts,
        signal: run.signal,
        delayAfter: (error, attempt) => delayAfter(run, error, attempt),
      },
    );
    return await complete(run);
  } catch (error) {
    // An answer that is not accepted has its price, too.
    return await stopped(run, error instanceof Interrupted ? error : (run.unpriced ?? error));
  }
}

/** The claim was written before anything is decoded, so a file that takes the process down is counted. */
function refusePoison<U extends UploadRecord>({ claim, settings }: UploadRun<U>): void {
  const { maxStarts } = settings.lease;
  if (claim.starts <= maxStarts) return;
  const message = `Started ${claim.starts - 1} times and never settled: it may take the process down. Once the cause is mended, process it with rerun: "retry"`;
  throw new UploadError(message, { code: "QUARANTINED", stage: "claim" });
}

/** What is found out is merged into the metadata key by key: with a text or a list in its place, something would be lost. */
function refuseOtherMetadata<U extends UploadRecord>({ claim }: UploadRun<U>): void {
  const metadata: unknown = claim.row.metadata;
  if (metadata == null || (typeof metadata === "object" && !Array.isArray(metadata))) return;
  const kind = Array.isArray(metadata) ? "an array" : `a ${typeof metadata}`;
  const remedy = typeof metadata === "string" ? "; JSON.parse(row.metadata) where the driver makes a text of it" : "";
  const message = `The record's metadata: expected an object, to which what is found out can be added, got ${kind}${remedy}`;
  throw new UploadError(message, { code: "RESULT_REFUSED", stage: "claim" });
}

/** One attempt: every stage in its order that is not done, each stored before the next begins. */
async function makeAll<U extends UploadRecord>(
  run: UploadRun<U>,
  rows: readonly StageRow<U>[],
  attempt: number,
): Promise<void> {
  const { claim, progress } = run;
  const nextFrom = (index: number) => {
    for (let at = index; at < rows.length; at++) {
      const row = rows[at] as StageRow<U>;
      if (!row.isDone(run) && !run.isTried(row.name)) return at;
    }
    return rows.length;
  };
  for (let at = nextFrom(0); at < rows.length; ) {
    const row = rows[at] as StageRow<U>;
    const made = row.required ? await row.make(run, attempt) : await makeOptional(row, run, attempt);
    if (made !== null) {
      claim.keep(made);
      progress.end(row.name);
    }
    at = nextFrom(at + 1);
    const next = rows[at];
    if (made !== null && next !== undefined) await claim.save(next.status); // else the final write is next
    if (run.unpriced !== undefined) throw run.unpriced;
  }
}

/** How long to wait before the next attempt; `null`: the attempts are over. */
function delayAfter<U extends UploadRecord>(run: UploadRun<U>, error: unknown, attempt: number): number | null {
  const { retry, comesBack, repository } = run.settings;
  if (error instanceof RepositoryError && repository.sitsOutOutages) return null;
  if (run.unpriced !== undefined) return null;
  if (!UploadError.isInstance(error) || isFault(error, "account") || isFault(error, "deployment")) return null;
  if (error.code === "CIRCUIT_OPEN" || error.code === "BUDGET_EXHAUSTED") return null;
  if (!retry.shouldRetry(error, attempt)) return null;
  if ((error.retryAfterMs ?? 0) > retry.maxRetryAfterMs) return null;
  // It is done again when the service is back: waiting for that here would hold a slot.
  if (comesBack && error.fault === "service" && breakerOf(run, error).open !== undefined) return null;
  const delayMs = backoff(error, attempt, retry);
  run.emit("upload:retry", () => ({ attempt, maxAttempts: retry.maxAttempts, delayMs, error }));
  return delayMs;
}

/** The final write: an abort that comes later is ignored. */
async function complete<U extends UploadRecord>(run: UploadRun<U>): Promise<UploadResult<U>> {
  throwIfInterrupted(run.signal);
  const { claim } = run;
  run.progress.begin("save", claim.row.status, run.attempts);
  const replaced = claim.replacedKeys();
  if (replaced.length > 0) {
    await claim.replaceResult(replaced);
    await removeReplaced(run, replaced);
  }
  const written = await claim.complete();
  if (written !== "saved") return lost(run, written);
  run.settings.memory.forget(run.id);
  run.progress.complete();
  return { status: "completed", upload: claim.row, ...run.summary() };
}
