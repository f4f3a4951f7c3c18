import { Cancellation } from "./async/cancellation.js";
import { forwardAbort, Interrupted } from "./async/time.js";
import { endOf } from "./batch/end-of.js";
import type { UploadRecord } from "./contracts/upload.js";
import { RepositoryError, UploadError } from "./errors.js";
import type { ProcessOptions, UploadAdapters } from "./options.js";
import { resetOne } from "./pipeline/reset.js";
import { requireSignal, resolveSettings, WORK_OPTIONS } from "./pipeline/resolve-settings.js";
import type { Settings } from "./pipeline/settings.js";
import { attachPlugins, tellBreaker } from "./pipeline/sharing.js";
import { processUpload, type Work } from "./process-upload.js";
import type { UploadResult } from "./result.js";
import { ActiveUpload } from "./runtime/active-upload.js";
import { stageTable } from "./stages/table.js";
import { inLine, unstarted } from "./upload-outcome.js";
import { requireKnown, requireMembers, requireUpload } from "./validate.js";

/**
 * Makes the thumbnail, describes and embeds one upload and stores all of it, behind the checkpoints of earlier starts.
 *
 * Resolves for everything that can happen to an upload: narrow the result by its `status`.
 *
 * @param upload the record, or its id
 * @throws ConfigurationError misuse: names the option or the adapter's member, what was expected and what was given; and what
 *   the deployment lacks (sharp, a model, a column): the upload is `pending` again
 * @throws RepositoryError the repository cannot be reached to store the outcome, or refuses to read or to claim this upload: its
 *   `fault` is `"upload"` then, as where the id is none that its column can hold
 * @example
 * const result = await processUploadWithRetry(upload, { storage, ai, repository }, { signal });
 * if (result.status === "completed") console.log(result.upload.description);
 */
export async function processUploadWithRetry<U extends UploadRecord = UploadRecord>(
  upload: NoInfer<U> | string,
  adapters: UploadAdapters<U>,
  options: ProcessOptions<NoInfer<U>> = {},
): Promise<UploadResult<U>> {
  requireMembers("options", options, []);
  requireKnown("options", options, [...WORK_OPTIONS, "events", "onProgress", "attempt", "signal", "rerun"]);
  const { signal, rerun, ...rest } = options;
  requireSignal(signal);
  requireUpload("upload", upload);
  const settings = resolveSettings<U>(adapters, rest as ProcessOptions<U>);
  const work = { settings, table: stageTable(settings) };
  const cancellation = new Cancellation();
  const undo = [forwardAbort(signal, cancellation), tellBreaker(settings), attachPlugins(settings)];
  try {
    const atOnce: InSlot = (task, isSuspect) =>
      isSuspect ? settings.runtime.suspects.run(cancellation, task) : task();
    return await processReset(upload, work, cancellation, rerun, atOnce);
  } finally {
    for (const each of undo) each();
  }
}

/** A value that is refused before there is a row to store that in: an error of the repository like others, which no retry mends. */
function asRejection(error: unknown): unknown {
  if (!(error instanceof UploadError) || error.code !== "RESULT_REFUSED") return error;
  const { message, stage, fault, retryable } = error;
  return new RepositoryError(message, { stage, fault, retryable, cause: error.cause });
}

/**
 * An upload that was reset was settled: who holds it here waits but for the answer that says so. Without this wait the redo would be
 * left to that one, which is done with it, and stay pending.
 */
async function endOfHolder<U extends UploadRecord>(
  uploadId: string,
  { runtime, repository, lease }: Settings<U>,
  cancellation: Cancellation,
): Promise<void> {
  const same = { uploadId, repository: repository.adapter };
  const holder = [...runtime.active].find((each) => each.isSame(same) && each.claim?.isHeld === true);
  if (holder !== undefined) await endOf(holder, lease.durationMs, cancellation.signal);
}

/** Runs work when there is room for it, and a suspect when no other one is at work. */
type InSlot = <T>(task: () => Promise<T>, isSuspect: boolean) => Promise<T>;

/**
 * One upload outside of any run: of a single call, or of a processor's `processUpload`. A suspect is visited again, alone.
 *
 * @param inSlot runs what works on it: at once, or in a slot of the processor
 */
export async function processReset<U extends UploadRecord>(
  upload: U | string,
  work: Work<U>,
  cancellation: Cancellation,
  rerun: ProcessOptions<U>["rerun"],
  inSlot: InSlot,
): Promise<UploadResult<U>> {
  const { settings } = work;
  const id = typeof upload === "string" ? upload : upload.id;
  const startedAt = performance.now();
  const begun = () => new ActiveUpload(id, settings.repository.adapter, cancellation, null);
  try {
    const result = await inSlot(async () => {
      if (rerun === undefined) return processUpload<U>(upload, begun(), work);
      if (await resetOne(id, rerun, settings, cancellation)) await endOfHolder(id, settings, cancellation);
      // A record from before the reset does not tell what the upload is now.
      return processUpload<U>(id, begun(), work);
    }, false);
    if (result !== "suspect") return result;
    if (settings.attempt !== undefined && settings.runtime.suspects.isTaken) return inLine(unstarted(id, startedAt));
    return (await inSlot(() => processUpload<U>(id, begun(), work, true), true)) as UploadResult<U>;
  } catch (error) {
    if (!(error instanceof Interrupted)) throw asRejection(error);
    return { status: "aborted", reason: cancellation.reason, ...unstarted(id, startedAt) };
  }
}
