import assert from "node:assert/strict";
import { AsyncLocalStorage } from "node:async_hooks";
import type { UploadRecord } from "../../contracts/upload.js";
import { type Bench, LONG_MS, PAST_SHORT_MS, SHORT_MS } from "./fixture.js";

const AN_HOUR_MS = 3_600_000;
const HINT = "a lease has to run by the store's clock (`ownClock: false` if the store runs in this process)";

/** Leases under workers whose clocks are wrong, as they are on machines whose time is not kept. */
export function testClocks<U extends UploadRecord>({ test }: Bench<U>): void {
  for (const [off, ms] of [
    ["an hour behind", -AN_HOUR_MS],
    ["an hour ahead", AN_HOUR_MS],
  ] as const) {
    test(`a worker whose clock is ${off} takes nothing from others`, async ({ claim, granted, add }) => {
      const id = await add();
      await granted(id);
      const answer = await withClockOff(ms, () => claim(id));
      assert.equal(answer.outcome, "busy", HINT);
      const { retryAfterMs = LONG_MS } = answer;
      assert.ok(retryAfterMs > LONG_MS / 2 && retryAfterMs <= LONG_MS + 1, HINT);
    });

    test(`a worker whose clock is ${off} holds an upload as long as any other`, async (setup) => {
      const { repository, claim, granted, add, advance } = setup;
      const id = await add();
      const { fence } = await withClockOff(ms, () => granted(id));
      assert.equal((await claim(id)).outcome, "busy", HINT);
      await withClockOff(ms, () => repository.updateUpload(id, {}, { fence, leaseMs: LONG_MS }));
      assert.equal((await claim(id)).outcome, "busy", HINT);
      await withClockOff(ms, () => repository.updateUpload(id, {}, { fence, leaseMs: SHORT_MS }));
      await advance(PAST_SHORT_MS);
      assert.equal((await claim(id)).outcome, "claimed", HINT);
    });
  }
}

const offset = new AsyncLocalStorage<number>();
let shifted = 0;
let trueDate = Date;

/** Runs `work` with `Date` off by this much; what else runs meanwhile, as other tests, sees the true time. */
async function withClockOff<T>(ms: number, work: () => Promise<T>): Promise<T> {
  if (shifted++ === 0) {
    trueDate = Date;
    globalThis.Date = shiftable(trueDate);
  }
  try {
    return await offset.run(ms, work);
  } finally {
    if (--shifted === 0) globalThis.Date = trueDate;
  }
}

/** A proxy, not a subclass: dates from before have to stay `instanceof Date`. */
function shiftable(original: DateConstructor): DateConstructor {
  const now = () => original.now() + (offset.getStore() ?? 0);
  return new Proxy(original, {
    get: (target, property, receiver) => (property === "now" ? now : Reflect.get(target, property, receiver)),
    construct: (target, given: unknown[], newTarget) =>
      Reflect.construct(target, given.length === 0 ? [now()] : given, newTarget),
    apply: () => new original(now()).toString(),
  });
}
