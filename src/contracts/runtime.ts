/** How many calls of a stage run at once, and how many are begun in any 60 seconds. */
export type Limit = number | { readonly concurrency?: number | undefined; readonly perMinute?: number | undefined };

/** What calls and processors that share a runtime may do at once. */
export interface LimitOptions {
  /**
   * Images decoded at once, thumbnails and vision images alike. The default leaves the thread pool a thread for file and DNS
   * work.
   *
   * @default max(1, min(cores, UV_THREADPOOL_SIZE − 1))
   */
  readonly decode?: Limit | undefined;
  /** @default the adapter's `concurrency.describe`, else no limit */
  readonly describe?: Limit | undefined;
  /** @default the adapter's `concurrency.embed`, else no limit */
  readonly embed?: Limit | undefined;
}

/** When no more paid calls are made, because the service is down or the account is refused. */
export interface BreakerOptions {
  /** Failures of the service in a row, over all uploads. @default 5 */
  readonly threshold?: number | undefined;
  /** Before the first probe, in milliseconds; doubled after each that fails, up to five minutes. @default 30000 */
  readonly cooldownMs?: number | undefined;
  /** How long a run waits for the service, or for the repository, in milliseconds, before it ends as `processing`. @default Infinity */
  readonly giveUpAfterMs?: number | undefined;
}

/** How much may be spent, in the currency of the adapter's `price`. */
export interface BudgetOptions {
  /** In all, with what is `spent` already. */
  readonly limit: number;
  /** What earlier processes spent of it. @default 0 */
  readonly spent?: number | undefined;
}

/** What calls and processors share. */
export interface RuntimeOptions {
  /** Calls at once, and calls a minute. */
  readonly limits?: LimitOptions | undefined;
  /** When no more calls are made of a service that fails; `false`: never. */
  readonly breaker?: BreakerOptions | false | undefined;
  /** How much may be spent. @default none */
  readonly budget?: BudgetOptions | undefined;
}
