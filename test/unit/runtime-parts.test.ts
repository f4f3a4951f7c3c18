import fc from "fast-check";
import { afterEach, describe, expect, test, vi } from "vitest";
import { ActiveSet } from "../../src/async/active-set.js";
import { Cancellation } from "../../src/async/cancellation.js";
import { Notifier } from "../../src/async/notifier.js";
import { Interrupted, NEVER } from "../../src/async/time.js";
import { StageDurations } from "../../src/runtime/durations.js";
import { RecentMap } from "../../src/runtime/recent-map.js";
import { Ticker } from "../../src/runtime/ticker.js";

afterEach(() => {
  vi.useRealTimers();
});

test("RecentMap forgets what was set longest ago, and nothing before it is full", () => {
  const map = new RecentMap<string, number>(2);
  map.set("a", 1);
  map.set("b", 2);
  map.set("a", 3);
  expect([map.get("a"), map.get("b"), map.size]).toEqual([3, 2, 2]);
  map.set("c", 4);
  expect([map.get("a"), map.get("b"), map.get("c"), map.size]).toEqual([3, undefined, 4, 2]);
  map.delete("a");
  map.delete("a");
  expect([map.get("a"), map.size]).toEqual([undefined, 1]);
});

test("ActiveSet holds what a Set would, whatever is added and deleted", () => {
  const members = Array.from({ length: 8 }, () => ({ place: undefined as number | undefined }));
  const step = fc.tuple(fc.boolean(), fc.nat({ max: members.length - 1 }));
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const active = new ActiveSet<(typeof members)[number]>();
      const model = new Set<(typeof members)[number]>();
      for (const member of members) member.place = undefined;
      for (const [adds, index] of steps) {
        const member = members[index] as (typeof members)[number];
        if (adds) {
          active.add(member);
          model.add(member);
        } else expect(active.delete(member)).toBe(model.delete(member));
        expect(active.size).toBe(model.size);
        expect(new Set(active)).toEqual(model);
        const seen = new Set<object>();
        active.forEach((each) => void seen.add(each));
        expect(seen.size).toBe(model.size);
      }
    }),
  );
});

test("ActiveSet may change while somebody goes over it", () => {
  const active = new ActiveSet<{ place: number | undefined; name: string }>();
  const members = ["a", "b", "c"].map((name) => ({ place: undefined, name }));
  for (const member of members) active.add(member);
  const seen: string[] = [];
  for (const member of active) {
    seen.push(member.name);
    active.delete(member);
  }
  expect(seen).toEqual(["a", "b", "c"]);
  expect(active.size).toBe(0);
});

test("StageDurations is a moving average, and guesses before it has seen any", () => {
  const durations = new StageDurations();
  expect(durations.expected("describe")).toBe(10_000);
  expect(durations.expected("moderation")).toBe(1000);
  durations.add("describe", 1000);
  expect(durations.expected("describe")).toBe(1000);
  durations.add("describe", 2000);
  expect(durations.expected("describe")).toBe(1300);
  durations.add("embed", 0);
  expect(durations.expected("embed")).toBe(1);
});

describe("Ticker", () => {
  test("ticks all its members by one timer, which stands still without any", () => {
    vi.useFakeTimers();
    const ticker = new Ticker();
    const members = [1, 2].map(() => ({ place: undefined, tick: vi.fn() }));
    expect(vi.getTimerCount()).toBe(0);
    for (const member of members) ticker.add(member);
    expect(vi.getTimerCount()).toBe(1);
    vi.advanceTimersByTime(250);
    expect(members.map(({ tick }) => tick.mock.calls.length)).toEqual([2, 2]);
    ticker.delete(members[0] as never);
    ticker.delete(members[0] as never);
    vi.advanceTimersByTime(100);
    expect(members.map(({ tick }) => tick.mock.calls.length)).toEqual([2, 3]);
    ticker.delete(members[1] as never);
    expect(vi.getTimerCount()).toBe(0);
    ticker.add(members[1] as never);
    vi.advanceTimersByTime(100);
    expect(members[1]?.tick).toHaveBeenCalledTimes(4);
  });
});

describe("Notifier", () => {
  test("wakes everybody who waits, once; who comes later waits for the next change", async () => {
    const changes = new Notifier();
    const woken: string[] = [];
    const wait = (name: string) => changes.wait(NEVER).then(() => void woken.push(name));
    const first = [wait("a"), wait("b")];
    changes.notify();
    const later = wait("c");
    await Promise.all(first);
    expect(woken).toEqual(["a", "b"]);
    changes.notify();
    await later;
    changes.notify();
    expect(woken).toEqual(["a", "b", "c"]);
  });

  test("an abort and the end of the time end a wait, and leave neither timer nor listener", async () => {
    vi.useFakeTimers();
    const changes = new Notifier();
    const leaving = new Cancellation();
    const remove = vi.spyOn(leaving, "removeEventListener");
    const left = changes.wait(leaving, 1000);
    leaving.abort("reason");
    await expect(left).rejects.toThrow(Interrupted);
    await expect(changes.wait(leaving)).rejects.toThrow(Interrupted);
    const over = changes.wait(NEVER, 1000);
    await vi.advanceTimersByTimeAsync(1000);
    await over;
    const woken = changes.wait(NEVER, 1000);
    changes.notify();
    await woken;
    expect(vi.getTimerCount()).toBe(0);
    expect(remove).toHaveBeenCalledTimes(1);
  });

  test("a wait longer than a timer can take does not end at once", async () => {
    vi.useFakeTimers();
    let ended = false;
    const waiting = new Notifier().wait(NEVER, 2 ** 40).then(() => {
      ended = true;
    });
    await vi.advanceTimersByTimeAsync(1000);
    expect(ended).toBe(false);
    await vi.advanceTimersByTimeAsync(2 ** 31);
    await waiting;
  });
});
