/** A clock that stands still until it is moved. */
export interface FakeClock {
  /** In milliseconds since the epoch. */
  readonly now: () => number;
  readonly advance: (ms: number) => void;
}

/**
 * A clock for fakes, so that tests need not wait for a lease to run out.
 *
 * @param start in milliseconds since the epoch
 * @example
 * const clock = fakeClock();
 * const repository = fakeRepository({ uploads, now: clock.now });
 * await repository.claimUpload("1", { leaseMs: 60_000, token: "worker-1" });
 * clock.advance(60_001);   // the worker is gone, and another one may take over
 */
export function fakeClock(start = Date.UTC(2025, 0, 1)): FakeClock {
  let time = start;
  return {
    now: () => time,
    advance: (ms) => {
      time += ms;
    },
  };
}
