import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Cancellation } from "../../src/async/cancellation.js";
import { Interrupted, NEVER } from "../../src/async/time.js";
import type { Ticket } from "../../src/runtime/breaker.js";
import { breakerOf, down, LONGEST_COOLDOWN_MS, NOON, SETTINGS } from "../support/breaker.js";

beforeEach(() => {
  vi.useFakeTimers({ now: NOON });
});
afterEach(() => {
  vi.useRealTimers();
});

/** Lets the time pass until so long after the beginning. */
const passTo = (ms: number) => vi.advanceTimersByTime(NOON + ms - Date.now());
const opened = (retryAfterMs: number) => expect.objectContaining({ code: "CIRCUIT_OPEN", retryAfterMs });

describe("closed", () => {
  test("opens at the threshold of failures in a row, and tells why and until when", () => {
    const { breaker, told, fail } = breakerOf();
    fail("a");
    fail("b");
    expect(breaker.open).toBeUndefined();
    const error = down();
    fail("c", error);
    expect(told).toEqual(["opened until 1000"]);
    const byClock = { since: NOON, until: NOON + 1000 };
    expect(breaker.open).toEqual({
      error,
      by: "c",
      suspect: null,
      since: 0,
      until: 1000,
      told: byClock,
      cooldownMs: 1000,
    });
    expect(() => breaker.enter("d", NEVER, true)).toThrow(
      expect.objectContaining({ code: "CIRCUIT_OPEN", fault: "service", cause: error, retryAfterMs: 1000 }),
    );
  });

  test("a success breaks the row, but only one that began after its first failure", () => {
    const { breaker, fail, enter } = breakerOf();
    const before = enter();
    fail();
    fail();
    breaker.succeeded(before);
    fail();
    expect(breaker.open).toBeDefined();

    const other = breakerOf();
    other.fail();
    other.fail();
    other.breaker.succeeded(other.enter());
    other.fail();
    other.fail();
    expect(other.breaker.open).toBeUndefined();
    other.fail();
    expect(other.breaker.open).toBeDefined();
  });

  test("opens at once where one failure is enough, and for as long as the service asks", () => {
    const { breaker, told, enter } = breakerOf();
    breaker.failed(enter(), down(90_000), true);
    expect(told).toEqual(["opened until 90000"]);
  });

  test("until the service has answered well, no more calls run at once than may fail", async () => {
    const { breaker, enter, fail } = breakerOf();
    fail();
    const tickets = [enter(), enter()];
    let third: Ticket | undefined;
    const waiting = (breaker.enter("c", NEVER, true) as Promise<Ticket>).then((ticket) => {
      third = ticket;
    });
    await vi.advanceTimersByTimeAsync(0);
    expect(third).toBeUndefined();
    breaker.succeeded(tickets[0] as Ticket);
    await waiting;
    expect(third).toMatchObject({ uploadId: "c", isProbe: false });
    expect([enter(), enter(), enter(), enter()].every((ticket) => ticket.isProbe === false)).toBe(true);
  });

  test("who waits for room is told when it opens meanwhile, and leaves when it is aborted", async () => {
    const { breaker, enter } = breakerOf();
    const tickets = [enter("a"), enter("b"), enter("c")];
    const waiting = breaker.enter("d", NEVER, true) as Promise<Ticket>;
    const leaving = new Cancellation();
    const left = breaker.enter("e", leaving, true) as Promise<Ticket>;
    leaving.abort("reason");
    await expect(left).rejects.toThrow(Interrupted);
    for (const ticket of tickets) breaker.failed(ticket, down(), false);
    await expect(waiting).rejects.toEqual(opened(1000));
  });
});

describe("open", () => {
  test("lets one call probe after each cooldown, which doubles up to five minutes", () => {
    const { breaker, told, enter, trip } = breakerOf();
    trip();
    let cooldownMs = 1000;
    let until = 1000;
    for (let round = 0; round < 12; round++) {
      passTo(until - 1);
      expect(() => enter()).toThrow(opened(1));
      passTo(until);
      const probe = enter("probe");
      expect(probe.isProbe).toBe(true);
      expect(breaker.isProbing).toBe(true);
      expect(() => enter()).toThrow("No call is made until the service is back: down");
      breaker.failed(probe, down(), false);
      expect(breaker.isProbing).toBe(false);
      cooldownMs = Math.min(LONGEST_COOLDOWN_MS, cooldownMs * 2);
      until += cooldownMs;
      expect(told.at(-1)).toBe(`opened until ${until}`);
    }
    expect(breaker.open).toMatchObject({ since: 0, told: { since: NOON }, cooldownMs: LONGEST_COOLDOWN_MS });
  });

  test.each([-3_600_000, 3_600_000])("a clock that is set by %d ms changes nothing", (stepMs) => {
    const { breaker, enter, trip } = breakerOf();
    trip();
    vi.setSystemTime(NOON + stepMs);
    expect(breaker.retryAfterMs).toBe(1000);
    expect(breaker.beginsInMs).toBe(1000);
    expect(() => enter()).toThrow(opened(1000));
    vi.advanceTimersByTime(1000);
    expect(breaker.isRefusing).toBe(false);
    breaker.failed(enter("probe"), down(), false);
    expect(breaker.retryAfterMs).toBe(2000);
  });

  test("a cooldown of the user's own that is longer is not made shorter", () => {
    const { breaker, enter } = breakerOf({ ...SETTINGS, threshold: 1, cooldownMs: 600_000 });
    breaker.failed(enter(), down(), false);
    passTo(600_000);
    breaker.failed(enter(), down(), false);
    expect(breaker.open?.told.until).toBe(NOON + 1_200_000);
  });

  test.each(["succeeded", "answered"] as const)("a probe that has %s closes it, and the row begins anew", (how) => {
    const { breaker, told, enter, fail, trip } = breakerOf();
    trip();
    passTo(1000);
    breaker[how](enter());
    expect(told).toEqual(["opened until 1000", "closed"]);
    expect(breaker.open).toBeUndefined();
    fail();
    fail();
    expect(breaker.open).toBeUndefined();
    fail();
    expect(told.at(-1)).toBe("opened until 2000"); // the first cooldown again
  });

  test("while somebody probes, others are not told to come back at once: a thousand jobs of an engine would", () => {
    const { breaker, enter, trip } = breakerOf();
    trip();
    passTo(5000);
    expect(breaker.retryAfterMs).toBe(1);
    const probe = enter("probe");
    expect(() => enter()).toThrow(opened(1000));
    expect(breaker.retryAfterMs).toBe(1000);
    breaker.succeeded(probe);
    expect(breaker.retryAfterMs).toBeUndefined();
  });

  test("a probe that tells nothing leaves it open, and the next upload probes at once", () => {
    const { breaker, told, enter, trip } = breakerOf();
    trip();
    passTo(1000);
    breaker.released(enter("aborted"));
    expect(breaker.open).toBeDefined();
    expect(enter("next").isProbe).toBe(true);
    expect(told).toHaveLength(1);
  });

  test("what was under way when it opened neither closes it nor puts the probe off", () => {
    const { breaker, told, enter } = breakerOf();
    const before = [enter(), enter()];
    breaker.failed(enter(), down(), true);
    breaker.succeeded(before[0] as Ticket);
    breaker.failed(before[1] as Ticket, down(), false);
    expect(breaker.open).toBeDefined();
    expect(told).toEqual(["opened until 1000"]);
  });

  test("who has nobody to come back is let through in any case, and opens it all the same", () => {
    const { breaker, told } = breakerOf();
    for (let count = 0; count < 3; count++) breaker.failed(breaker.enter("a", NEVER, false) as Ticket, down(), false);
    expect(told).toEqual(["opened until 1000"]);
    expect((breaker.enter("b", NEVER, false) as Ticket).isProbe).toBe(false);
  });

  test("closes when the failure that opened it turns out to be its upload's own, and for no other", () => {
    const { breaker, told, fail } = breakerOf();
    for (const id of ["a", "b", "c"]) fail(id);
    breaker.blame("a");
    expect(breaker.open).toBeDefined();
    breaker.blame("c");
    expect(told).toEqual(["opened until 1000", "closed"]);
  });

  test("closed, the blame breaks the row", () => {
    const { breaker, fail } = breakerOf();
    fail("a");
    fail("a");
    breaker.blame("a");
    fail("b");
    expect(breaker.open).toBeUndefined();
  });

  test("begins one scout after the cooldown, until it has left", async () => {
    const { breaker, changes, enter, trip } = breakerOf();
    const [first, second] = [{}, {}];
    expect([breaker.beginsInMs, breaker.sendScout(first)]).toEqual([0, false]);
    trip();
    expect([breaker.beginsInMs, breaker.sendScout(first)]).toEqual([1000, false]);
    passTo(1000);
    expect([breaker.beginsInMs, breaker.sendScout(first)]).toEqual([0, true]);
    expect([breaker.beginsInMs, breaker.sendScout(second)]).toEqual([Number.POSITIVE_INFINITY, false]);
    const woken = changes.wait(NEVER);
    breaker.scoutLeft(second); // not the one that it is
    expect(breaker.sendScout(second)).toBe(false);
    breaker.scoutLeft(first);
    await woken;
    expect(breaker.sendScout(second)).toBe(true);
    breaker.scoutLeft(second);
    enter("probe");
    expect([breaker.beginsInMs, breaker.sendScout(first)]).toEqual([Number.POSITIVE_INFINITY, false]);
  });
});

test("without a breaker everything is let through", () => {
  const { breaker, told, enter } = breakerOf(false);
  for (let count = 0; count < 20; count++) breaker.failed(enter(), down(), true);
  breaker.trip(down());
  expect(breaker.open).toBeUndefined();
  expect(told).toEqual([]);
});

describe("evidence", () => {
  test("is a success that began after the moment, or one that ended after it", () => {
    const { breaker, enter } = breakerOf();
    const before = enter();
    const moment = breaker.now();
    breaker.succeeded(before);
    expect(breaker.succeededSince(moment)).toBe(false);
    expect(breaker.endedWellSince(moment)).toBe(true);
    expect(breaker.endedWellSince(breaker.now())).toBe(false);
    const later = enter();
    breaker.answered(enter()); // a refusal is no success
    expect(breaker.succeededSince(moment)).toBe(false);
    breaker.succeeded(later);
    expect(breaker.succeededSince(moment)).toBe(true);
  });
});
