import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Cancellation } from "../../src/async/cancellation.js";
import { Interrupted, NEVER } from "../../src/async/time.js";
import { Limiter } from "../../src/runtime/limiter.js";
import { collectGarbage } from "../support/collect-garbage.js";
import { deferred } from "../support/fakes.js";

/** Lets everything that needs no timer happen. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

describe("slots", () => {
  test("so many run at once, the rest in their order; a failure frees its slot", async () => {
    const limiter = new Limiter(2);
    const calls = [deferred(), deferred(), deferred(), deferred()];
    const begun: number[] = [];
    const running = calls.map(({ promise }, index) =>
      limiter.run(NEVER, () => {
        begun.push(index);
        return promise;
      }),
    );
    await settle();
    expect(begun).toEqual([0, 1]);
    expect(limiter).toMatchObject({ waiting: 2, isFull: true });
    calls[1]?.reject(new Error("no"));
    await expect(running[1]).rejects.toThrow("no");
    await settle();
    expect(begun).toEqual([0, 1, 2]);
    expect(limiter.waiting).toBe(1);
    for (const call of calls) call.resolve();
    await Promise.allSettled(running);
    expect(begun).toEqual([0, 1, 2, 3]);
    expect(limiter).toMatchObject({ waiting: 0, isFull: false });
  });

  test("an abort ends the wait at once, and nobody waits for who has left", async () => {
    const limiter = new Limiter(1);
    const first = deferred();
    const holding = limiter.run(NEVER, () => first.promise);
    const leaving = new Cancellation();
    const left = limiter.run(leaving, () => Promise.reject(new Error("begun although it had left")));
    const last = limiter.run(NEVER, async () => "last");
    leaving.abort("reason");
    await expect(left).rejects.toThrow(Interrupted);
    expect(limiter.waiting).toBe(1);
    first.resolve();
    await holding;
    expect(await last).toBe("last");
  });

  test("who is aborted already begins nothing, whether there is a slot or not", async () => {
    const task = vi.fn(async () => {});
    const aborted = AbortSignal.abort();
    const limiter = new Limiter(1);
    await expect(limiter.run(aborted, task)).rejects.toThrow(Interrupted);
    const held = deferred();
    const holding = limiter.run(NEVER, () => held.promise);
    await expect(limiter.run(aborted, task)).rejects.toThrow(Interrupted);
    expect(limiter.waiting).toBe(0);
    await expect(new Limiter(Number.POSITIVE_INFINITY).run(aborted, task)).rejects.toThrow(Interrupted);
    held.resolve();
    await holding;
    expect(task).not.toHaveBeenCalled();
  });

  test("who has won its slot does not listen to the signal any more", async () => {
    const limiter = new Limiter(1);
    const first = deferred();
    const holding = limiter.run(NEVER, () => first.promise);
    const { signal } = new AbortController();
    const remove = vi.spyOn(signal, "removeEventListener");
    const next = limiter.run(signal, async () => "won");
    first.resolve();
    await holding;
    expect(await next).toBe("won");
    expect(remove).toHaveBeenCalledTimes(1);
  });

  test("who leaves the queue takes its memory with it, although its turn comes much later", async () => {
    const limiter = new Limiter(1);
    const first = deferred();
    const holding = limiter.run(NEVER, () => first.promise);
    const leaving = new Cancellation();
    const left = (() => {
      const photo = new Uint8Array(1_000_000);
      const ref = new WeakRef(photo);
      const waiting = limiter.run(leaving, async () => photo.length);
      waiting.catch(() => {});
      return ref;
    })();
    leaving.abort("reason");
    await collectGarbage();
    expect(left.deref()).toBeUndefined();
    first.resolve();
    await holding;
  });
});

describe("calls per minute", () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  /** Notes the second in which each call begins. */
  function clockwork(limiter: Limiter) {
    const zero = performance.now();
    const begun: [name: string, second: number][] = [];
    const call = (name: string, signal = new Cancellation()) => {
      limiter
        .run(signal, async () => void begun.push([name, Math.round((performance.now() - zero) / 1000)]))
        .catch(() => {});
      return signal;
    };
    return { begun, call };
  }

  test("no more begin in any 60 seconds, and each as soon as it may", async () => {
    const limiter = new Limiter(Number.POSITIVE_INFINITY, 2);
    const { begun, call } = clockwork(limiter);
    call("a");
    await vi.advanceTimersByTimeAsync(20_000);
    for (const name of ["b", "c", "d", "e"]) call(name);
    expect(limiter.waiting).toBe(3);
    await vi.advanceTimersByTimeAsync(300_000);
    expect(begun).toEqual([
      ["a", 0],
      ["b", 20],
      ["c", 60],
      ["d", 80],
      ["e", 120],
    ]);
    expect(limiter.waiting).toBe(0);
  });

  test("go with slots: what waits for its minute holds one", async () => {
    const limiter = new Limiter(1, 1);
    const { begun, call } = clockwork(limiter);
    for (const name of ["a", "b", "c"]) call(name);
    await vi.advanceTimersByTimeAsync(30_000);
    expect(limiter).toMatchObject({ waiting: 2, isFull: true });
    await vi.advanceTimersByTimeAsync(120_000);
    expect(begun).toEqual([
      ["a", 0],
      ["b", 60],
      ["c", 120],
    ]);
  });

  test("who leaves before its minute gives it to those who come after", async () => {
    const limiter = new Limiter(Number.POSITIVE_INFINITY, 1);
    const { begun, call } = clockwork(limiter);
    call("a");
    const left = ["b", "c", "d"].map((name) => call(name));
    await vi.advanceTimersByTimeAsync(1000);
    for (const signal of left) signal.abort("reason");
    call("e");
    await vi.advanceTimersByTimeAsync(600_000);
    expect(begun).toEqual([
      ["a", 0],
      ["e", 60],
    ]);
    expect(limiter.waiting).toBe(0);
  });

  test("who waits moves up when one before it leaves", async () => {
    const limiter = new Limiter(Number.POSITIVE_INFINITY, 1);
    const { begun, call } = clockwork(limiter);
    call("a");
    const b = call("b");
    call("c");
    await vi.advanceTimersByTimeAsync(1000);
    b.abort("reason");
    await vi.advanceTimersByTimeAsync(600_000);
    expect(begun).toEqual([
      ["a", 0],
      ["c", 60],
    ]);
  });
});
