import type { UploadRecord } from "../contracts/upload.js";
import type { UploadRun } from "../pipeline/run.js";

/** What the calls for this upload have used up so far, to be stored with it; nothing where the adapter tells nothing of it. */
export function usageSoFar<U extends UploadRecord>({ used }: UploadRun<U>): { usage: object } | undefined {
  if (!used.isTold) return undefined;
  const { durationMs, ...usage } = used.toUsage();
  return { usage };
}
