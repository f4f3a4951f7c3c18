import { UploadError, type UploadRecord, type UploadResult } from "../../index.js";

/** What a result means to the job of an engine. */
export type Outcome =
  /** The job has ended well: nothing is left to do. */
  | { readonly kind: "done" }
  /** The job has ended, and another attempt would not help. */
  | { readonly kind: "failed"; readonly error: UploadError }
  /** The job comes again; `counts`: it has used up an attempt. */
  | {
      readonly kind: "delayed";
      readonly error: UploadError;
      /** In milliseconds. */
      readonly retryAfterMs: number | undefined;
      readonly counts: boolean;
    }
  /** The work was stopped; the upload is `pending` again. */
  | { readonly kind: "aborted"; readonly reason: unknown };

/**
 * Reads a result as every engine has to: the one table.
 *
 * @param row finds the upload: a result that passes over a failed one does not tell why it failed
 */
export async function outcomeOf<U extends UploadRecord>(
  result: UploadResult<U>,
  row: (id: string) => Promise<U | null>,
): Promise<Outcome> {
  switch (result.status) {
    case "completed":
    case "deleted":
      return { kind: "done" };
    case "failed":
      return { kind: "failed", error: result.error };
    case "deferred": {
      const { error, retryAfterMs, countsAsAttempt } = result;
      return { kind: "delayed", error, retryAfterMs, counts: countsAsAttempt };
    }
    case "aborted":
      return { kind: "aborted", reason: result.reason };
    case "skipped":
      switch (result.reason) {
        case "already-completed":
        case "not-found":
          return { kind: "done" };
        case "already-failed":
          return { kind: "failed", error: storedError(await row(result.uploadId)) };
        case "claimed-elsewhere":
          return lost(result.uploadId, result.retryAfterMs);
      }
  }
}

/** The claim was lost in the middle of the work; whoever has it now may not get to the end. */
function lost(uploadId: string, retryAfterMs: number | undefined): Outcome {
  const message = `Another worker has taken upload ${uploadId}`;
  const error = new UploadError(message, { code: "CLAIMED_ELSEWHERE", stage: "claim", retryAfterMs });
  return { kind: "delayed", error, retryAfterMs, counts: false };
}

function storedError(row: UploadRecord | null): UploadError {
  const { errorCode, errorStage, errorMessage } = row ?? {};
  return new UploadError(errorMessage ?? "failed", { code: errorCode ?? "NOT_COMPLETED", stage: errorStage ?? null });
}

/** An error in one line, for what an engine keeps of it: `DESCRIBE_FAILED at describe: fetch failed`. */
export function reasonOf({ code, stage, message }: Pick<UploadError, "code" | "stage" | "message">): string {
  return stage === null ? `${code}: ${message}` : `${code} at ${stage}: ${message}`;
}
