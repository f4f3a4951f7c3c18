import type { WriteOutcome } from "../contracts/repository.js";
import type { UploadStage } from "../contracts/upload.js";
import { ConfigurationError, isA, messageOf, RepositoryError } from "../errors.js";
import type { Stoppable } from "./cancellation.js";
import { retryBriefly } from "./retry.js";
import { Interrupted, withTimeout } from "./time.js";

/** A repository call that takes longer counts as failed: every wait has a limit. */
const REPOSITORY_TIMEOUT_MS = 30_000;

/** A repository's answer, waited for only so long. */
export function answered<T>(answer: Promise<T>): Promise<T>;
export function answered<T>(answer: Promise<T> | undefined): Promise<T | undefined>;
export function answered<T>(answer: Promise<T> | undefined): Promise<T | undefined> {
  return withTimeout(Promise.resolve(answer), REPOSITORY_TIMEOUT_MS, tooLate);
}

const tooLate = () => new Error(`the repository did not answer within ${REPOSITORY_TIMEOUT_MS} ms`);

/** Short retries; what is left of them is a RepositoryError that says what could not be done. */
export async function storeRetried<T>(
  what: string,
  signal: Stoppable,
  call: () => Promise<T>,
  stage: UploadStage = "save",
): Promise<T> {
  try {
    return await retryBriefly(call, signal);
  } catch (error) {
    if (isA(error, Interrupted) || isA(error, ConfigurationError)) throw error;
    throw new RepositoryError(`${what}: ${messageOf(error)}`, { stage, cause: error });
  }
}

/** @throws ConfigurationError for what no repository answers a write with */
export function requireOutcome(outcome: WriteOutcome): WriteOutcome {
  if (outcome === "saved" || outcome === "deleted" || outcome === "stale") return outcome;
  throw new ConfigurationError(
    `repository.updateUpload: expected the answer "saved", "deleted" or "stale", got ${JSON.stringify(outcome)}`,
  );
}
