import type { StageName } from "../contracts/upload.js";
import type { Breaker } from "./breaker.js";
import { RecentMap } from "./recent-map.js";
import { MOST_REMEMBERED } from "./runtime-options.js";

/** What is remembered of an upload that a service has failed: how often, and since when. */
export interface Trial {
  failures: number;
  /** How often it was handed back because of them. */
  held: number;
  /** By the breaker's count of events. */
  readonly firstBegan: number;
  readonly firstFailed: number;
}

/** What is remembered of an upload that was in calls of many which the service failed. */
export interface FailedTogether {
  readonly failures: number;
  /** How many there may be in its next call. */
  readonly most: number;
}

/**
 * What is remembered of the uploads of one repository from one visit to the next, until they are settled. The uploads of another
 * repository may have the same ids.
 */
export class UploadMemory {
  /** The tokens of claims that were not answered, by upload: the next claim of it is the same claim. */
  readonly unanswered = new RecentMap<string, string>(MOST_REMEMBERED);
  /** By the uploads that were in a call of many which the service failed: which of them is at fault is not known. */
  readonly failedTogether = new RecentMap<string, FailedTogether>(MOST_REMEMBERED);
  /** The models of a chain that have failed an upload for good, by upload: it need not be asked again. */
  readonly failedForGood = new RecentMap<string, Set<number>>(MOST_REMEMBERED);
  /** How many answers of each stage were received and not accepted, by upload: an engine's next attempt is a claim of its own. */
  readonly refusedAnswers = new RecentMap<string, Map<StageName, number>>(MOST_REMEMBERED);
  /** By upload and service: what one service did says nothing of another. */
  readonly #trials = new RecentMap<string, Map<Breaker, Trial>>(MOST_REMEMBERED);

  trialOf(uploadId: string, service: Breaker): Trial | undefined {
    return this.#trials.get(uploadId)?.get(service);
  }

  tried(uploadId: string, service: Breaker, trial: Trial): void {
    const trials = this.#trials.get(uploadId) ?? new Map<Breaker, Trial>();
    this.#trials.set(uploadId, trials.set(service, trial));
  }

  /** Whether a service has failed it since it was settled last. */
  isTried(uploadId: string): boolean {
    return this.#trials.get(uploadId) !== undefined;
  }

  /** It is settled: what it went through before is of no use any more. */
  forget(uploadId: string): void {
    this.#trials.delete(uploadId);
    this.refusedAnswers.delete(uploadId);
    this.failedTogether.delete(uploadId);
    this.failedForGood.delete(uploadId);
  }
}
