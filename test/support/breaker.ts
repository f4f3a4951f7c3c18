import { Notifier } from "../../src/async/notifier.js";
import { NEVER } from "../../src/async/time.js";
import { UploadError } from "../../src/index.js";
import { Breaker, type BreakerSettings, type Ticket } from "../../src/runtime/breaker.js";

export const SETTINGS: BreakerSettings = { threshold: 3, cooldownMs: 1000, giveUpAfterMs: Number.POSITIVE_INFINITY };
export const LONGEST_COOLDOWN_MS = 300_000;
/** When the fake clock of its tests begins. */
export const NOON = Date.UTC(2030, 0, 1, 12);

export function down(retryAfterMs?: number): UploadError {
  return new UploadError("down", { code: "DESCRIBE_FAILED", fault: "service", ...(retryAfterMs && { retryAfterMs }) });
}

/** A breaker, and what it has told. */
export function breakerOf(settings: BreakerSettings | false = SETTINGS) {
  const told: string[] = [];
  const changes = new Notifier();
  const observer = {
    opened: (_: UploadError, until: number) => void told.push(`opened until ${until - NOON}`),
    closed: () => void told.push("closed"),
  };
  const breaker = new Breaker(settings, observer, changes);
  /** A call that is let through at once. */
  const enter = (id = "a") => breaker.enter(id, NEVER, true) as Ticket;
  const fail = (id = "a", error = down()) => breaker.failed(enter(id), error, false);
  const trip = () => {
    for (let count = 0; count < SETTINGS.threshold; count++) fail();
  };
  return { breaker, changes, told, enter, fail, trip };
}
