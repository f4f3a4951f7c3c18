import type { Stoppable } from "../async/cancellation.js";
import type { StageName } from "../contracts/upload.js";
import type { RepositoryError } from "../errors.js";

/** A call that writes may fail, as on a full disk, where one that reads does not. */
export type CallKind = "read" | "write";

/** What a batch, or the job of an engine, does when the repository cannot be reached: it waits, and tries again. */
export interface RepositoryOutage {
  /** How many calls of this kind were answered so far, of all that share the repository. */
  answered(kind: CallKind): number;
  /** A call was answered. */
  over(kind: CallKind): void;
  /** A call that has failed waits for the end of the outage. */
  joined(): void;
  /** It waits no longer, whatever came of it. */
  left(): void;
  /**
   * Resolves when a call that has failed so many times is to be made again; with `false` when it is given up.
   *
   * @param call `where` it is made, and for which upload, if it is one of an upload
   */
  wait(error: RepositoryError, rounds: number, call: OutageCall): Promise<boolean>;
}

/** A call that waits for the end of an outage. */
export interface OutageCall {
  readonly where: CallSite;
  readonly uploadId?: string | undefined;
  readonly signal: Stoppable;
}

/** What a call is for, and whether it writes. */
export interface CallSite {
  readonly stage: StageName;
  readonly kind: CallKind;
}

export const READ_CLAIM = { stage: "claim", kind: "read" } as const;
export const READ_SAVE = { stage: "save", kind: "read" } as const;
export const WRITE_CLAIM = { stage: "claim", kind: "write" } as const;
export const WRITE_SAVE = { stage: "save", kind: "write" } as const;
