import fc from "fast-check";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Cancellation } from "../../src/async/cancellation.js";
import { NEVER } from "../../src/async/time.js";
import type { Ticket } from "../../src/runtime/breaker.js";
import { breakerOf, down, LONGEST_COOLDOWN_MS, NOON, SETTINGS } from "../support/breaker.js";

beforeEach(() => {
  vi.useFakeTimers({ now: NOON });
});
afterEach(() => {
  vi.useRealTimers();
});

const HOUR = 3_600_000;

/** What the breaker is to do, in as few words as possible. */
class Model {
  open: { until: number; cooldownMs: number } | undefined;
  probe: number | undefined;
  row = 0;
  rowBegan = 0;
  proven = false;
  readonly running = new Map<number, number>();

  letsThrough(now: number): "yes" | "probe" | "refused" | "waits" {
    if (this.open !== undefined) return now < this.open.until || this.probe !== undefined ? "refused" : "probe";
    if (this.proven && this.row === 0) return "yes";
    return this.running.size < Math.max(1, SETTINGS.threshold - this.row) ? "yes" : "waits";
  }

  end(id: number, how: "ok" | "refused" | "nothing" | "down" | "account", now: number, event: number): void {
    const began = this.running.get(id) ?? 0;
    this.running.delete(id);
    const wasProbe = this.probe === id;
    if (wasProbe) this.probe = undefined;
    if (how === "ok") this.proven = true;
    if (how === "ok" && this.row > 0 && began > this.rowBegan) this.row = 0;
    if (how === "ok" || how === "refused") {
      if (wasProbe) this.close();
    } else if (how !== "nothing") this.fail(wasProbe, how, now, event);
  }

  private fail(wasProbe: boolean, how: "down" | "account", now: number, event: number): void {
    if (this.open !== undefined) {
      if (!wasProbe) return;
      const cooldownMs = Math.min(LONGEST_COOLDOWN_MS, this.open.cooldownMs * 2);
      this.open = { until: now + cooldownMs, cooldownMs };
    } else {
      if (this.row++ === 0) this.rowBegan = event;
      if (how === "down" && this.row < SETTINGS.threshold) return;
      this.open = { until: now + SETTINGS.cooldownMs, cooldownMs: SETTINGS.cooldownMs };
    }
    this.proven = false;
  }

  private close(): void {
    this.open = undefined;
    this.row = 0;
    this.proven = true;
  }
}

test("whatever happens, it does as its model does", () => {
  const outcome = fc.constantFrom("ok", "refused", "nothing", "down", "down", "account");
  const step = fc.oneof(
    { weight: 4, arbitrary: fc.constant({ do: "enter" } as const) },
    { weight: 4, arbitrary: fc.record({ do: fc.constant("end" as const), which: fc.nat(), how: outcome }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("wait" as const), ms: fc.integer({ min: 1, max: 5000 }) }) },
    {
      weight: 1,
      arbitrary: fc.record({ do: fc.constant("set" as const), toMs: fc.integer({ min: -HOUR, max: HOUR }) }),
    },
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const { breaker, told } = breakerOf();
      const model = new Model();
      const tickets = new Map<number, Ticket>();
      let event = 0;
      for (const [index, each] of steps.entries()) {
        event++;
        if (each.do === "wait") vi.advanceTimersByTime(each.ms);
        // Whatever the clock on the wall is set to.
        else if (each.do === "set") vi.setSystemTime(NOON + each.toMs);
        else if (each.do === "enter") {
          const expected = model.letsThrough(performance.now());
          if (expected === "refused")
            expect(() => breaker.enter(String(index), NEVER, true)).toThrow("No call is made");
          // Who waits would be let through by a later step: that is not modelled.
          else if (expected !== "waits") {
            const ticket = breaker.enter(String(index), NEVER, true) as Ticket;
            expect(ticket.isProbe).toBe(expected === "probe");
            tickets.set(index, ticket);
            model.running.set(index, event);
            if (expected === "probe") model.probe = index;
          } else {
            const leaving = new Cancellation();
            const waiting = breaker.enter(String(index), leaving, true);
            expect(waiting).toBeInstanceOf(Promise);
            (waiting as Promise<Ticket>).catch(() => {});
            leaving.abort("reason");
          }
        } else if (tickets.size > 0) {
          const [id, ticket] = [...tickets][each.which % tickets.size] as [number, Ticket];
          tickets.delete(id);
          const { how } = each;
          if (how === "ok") breaker.succeeded(ticket);
          else if (how === "refused") breaker.answered(ticket);
          else if (how === "nothing") breaker.released(ticket);
          else breaker.failed(ticket, down(), how === "account");
          model.end(id, how as "ok", performance.now(), event);
        }
        expect(breaker.open?.until).toBe(model.open?.until);
        expect(breaker.isProbing).toBe(model.probe !== undefined);
      }
      // Each opening but a failed probe's is followed by one closing.
      const turns = told.map((line) => line.split(" ")[0]).filter((line, index, all) => line !== all[index - 1]);
      expect(turns).toEqual(turns.map((_, index) => (index % 2 === 0 ? "opened" : "closed")));
    }),
    { numRuns: 500 },
  );
});
