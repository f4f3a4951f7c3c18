import type { Listed } from "../async/active-set.js";
import type { Cancellation } from "../async/cancellation.js";

/** An upload in work. */
export class ActiveUpload implements Listed {
  place: number | undefined;
  /** Set once it has the claim; that may be let go before the work on it ends. */
  claim: { readonly isHeld: boolean } | undefined;
  /** Whether another entry had the claim and has ended since this one began: an answer "busy" may be older than that. */
  isFree = false;
  #waiters: (() => void)[] | undefined;

  constructor(
    readonly uploadId: string,
    readonly repository: object,
    readonly cancellation: Cancellation,
    /** The run that it belongs to, if any. */
    readonly run: object | null,
  ) {}

  /** Calls back when the work on it has ended. */
  whenEnded(callback: () => void): void {
    this.#waiters ??= [];
    this.#waiters.push(callback);
  }

  isSame({ uploadId, repository }: Pick<ActiveUpload, "uploadId" | "repository">): boolean {
    return this.uploadId === uploadId && this.repository === repository;
  }

  end(): void {
    for (const callback of this.#waiters ?? []) callback();
  }
}

/** The same in every copy of the package: a process may have loaded it as ESM and as CommonJS. */
const HELD = Symbol.for("upload-processor.held");

function heldByRepository(): WeakMap<object, Set<string>> {
  const ofProcess = globalThis as { [HELD]?: WeakMap<object, Set<string>> };
  ofProcess[HELD] ??= new WeakMap();
  return ofProcess[HELD];
}

/**
 * Uploads in work in a repository that knows no claims. They belong to the repository, not to a runtime: who settles one by
 * `failUpload`, or does it with another model, must not take what is in work.
 */
export function heldIn(repository: object): Set<string> {
  const all = heldByRepository();
  let held = all.get(repository);
  if (held === undefined) {
    held = new Set();
    all.set(repository, held);
  }
  return held;
}
