import type { Stoppable } from "../async/cancellation.js";
import { settleInTime, withTimeout } from "../async/time.js";
import { RepositoryError } from "../errors.js";
import { RecentMap } from "../runtime/recent-map.js";
import { repositoryError } from "./repository-error.js";
import { type CallSite, type RepositoryOutage, WRITE_SAVE } from "./repository-outage.js";
import { retryBriefly } from "./retry.js";

/** A call that takes longer counts as failed: every wait has a limit. */
const DEADLINE_MS = 30_000;
/**
 * How many rounds of tries have to fail in a row, while others are answered, until a call is taken to fail alone. A round takes
 * four seconds, in which the repository may come back and go down again. What a wrong guess ends is one upload, or a whole run.
 */
const ROUNDS_OF_AN_UPLOAD = 2;
const ROUNDS_OF_A_RUN = 4;
/** Uploads for which calls fail although the repository can be reached. */
const MOST_REMEMBERED = 1000;

/** One call of a repository: how it is made, and what it says when it fails. */
export interface RepositoryCall<T> {
  /** Made for each try. */
  readonly send: () => Promise<T>;
  /** What it throws of an answer is as if the call had failed with it. */
  readonly check?: ((answer: T) => void) | undefined;
  /** What could not be done. */
  readonly what: string;
  readonly signal: Stoppable;
  readonly where: CallSite;
  /** The upload that it is made for; one that is made for a whole run has none. */
  readonly uploadId?: string | undefined;
}

/** How the calls of one repository are made: with a deadline, with short retries, and where it is an outage, until that is over. */
export class RepositoryCalls {
  /** Uploads for which calls failed while others were answered. */
  readonly #failedAlone = new RecentMap<string, true>(MOST_REMEMBERED);

  /**
   * @param ask reads an upload, to find out whether the repository can be reached
   * @param outage for a batch, which sits out the outages
   */
  constructor(
    private readonly ask: (uploadId: string) => Promise<unknown>,
    readonly outage?: RepositoryOutage,
  ) {}

  make<T>(call: RepositoryCall<T>): Promise<T> {
    // Almost every first try is answered: nothing of what a failure needs is made before there is one.
    return new Promise((resolve) => {
      const again = (thrown: unknown) => resolve(this.#makeAgain(call, thrown));
      try {
        settleInTime(
          call.send(),
          DEADLINE_MS,
          tooLate,
          (answer) => {
            try {
              call.check?.(answer);
            } catch (thrown) {
              again(thrown);
              return;
            }
            this.outage?.over(call.where.kind);
            resolve(answer);
          },
          again,
          stopOf(call),
        );
      } catch (thrown) {
        again(thrown);
      }
    });
  }

  /** One try. */
  async makeOnce<T>({ send, check }: Pick<RepositoryCall<T>, "send" | "check">, stop?: Stoppable): Promise<T> {
    const answer = await withTimeout(send(), DEADLINE_MS, tooLate, stop);
    check?.(answer);
    return answer;
  }

  /** The first try has failed: further ones, and where it is an outage, until that is over. */
  async #makeAgain<T>(call: RepositoryCall<T>, first: unknown): Promise<T> {
    const { outage } = this;
    const { what, signal, uploadId } = call;
    const { stage, kind } = call.where;
    /** How many calls had been answered when this one first failed: at all, and in this round of tries. */
    const answeredBefore = outage?.answered(kind);
    let answeredInRound: number | undefined;
    let isFirst = true;
    const inTime = async () => {
      try {
        if (isFirst) throw first;
        return await this.makeOnce(call, stopOf(call));
      } catch (error) {
        isFirst = false;
        answeredInRound ??= outage?.answered(kind);
        throw error;
      }
    };
    let hasWaited = false;
    let roundsAlone = 0;
    try {
      for (let rounds = 1; ; rounds++) {
        answeredInRound = undefined;
        try {
          const answer = await retryBriefly(inTime, signal);
          outage?.over(kind);
          return answer;
        } catch (thrown) {
          const error = repositoryError(thrown, what, stage);
          if (outage === undefined || !(error instanceof RepositoryError)) throw error;
          const isAlone =
            uploadId === undefined
              ? outage.answered(kind) > (answeredInRound ?? 0)
              : (outage.answered(kind) > (answeredBefore ?? 0) || this.#failedAlone.get(uploadId) === true) &&
                (await this.#isAnswered(uploadId));
          roundsAlone = isAlone ? roundsAlone + 1 : 0;
          // No outage but this call: rounds of tries have failed in a row, in each of which others were answered.
          if (roundsAlone >= (uploadId === undefined ? ROUNDS_OF_A_RUN : ROUNDS_OF_AN_UPLOAD)) {
            if (uploadId !== undefined) this.#failedAlone.set(uploadId, true);
            outage.over(kind);
            throw error;
          }
          if (!hasWaited) outage.joined();
          hasWaited = true;
          if (!(await outage.wait(error, rounds, call))) throw error;
        }
      }
    } finally {
      if (hasWaited) outage?.left();
    }
  }

  async #isAnswered(uploadId: string): Promise<boolean> {
    try {
      await withTimeout(this.ask(uploadId), DEADLINE_MS, tooLate);
      return true;
    } catch {
      return false;
    }
  }
}

/**
 * What ends the wait for an answer. A claim that is granted later is found again by its token; but a write of a claim must be over
 * before the next one is sent.
 */
function stopOf({ where, signal }: Pick<RepositoryCall<unknown>, "where" | "signal">): Stoppable | undefined {
  return where === WRITE_SAVE ? undefined : signal;
}

const tooLate = () => new Error(`the repository did not answer within ${DEADLINE_MS} ms`);
