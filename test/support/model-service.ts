import type { AIAdapter } from "../../src/index.js";

/** How calls are answered while the service is down. */
export interface Outage {
  /** A new error for each call. */
  readonly error: () => Error;
  /** When a call fails that is made while it is down, in milliseconds. @default as long as an answer takes */
  readonly failsAfterMs?: number;
}

/**
 * A model whose answers take time by the clock of the process, and that can be down for a while: then new calls fail, and so
 * do those that are under way. Counts the calls that were begun in the meantime.
 */
export class ModelService {
  readonly latencyMs = 50;
  /** Calls of both stages. */
  calls = 0;
  callsWhileDown = 0;
  /** How often each upload was described well. */
  readonly described = new Map<string, number>();
  /** Uploads that get a 500 at every call, whether the service is up or not. */
  readonly poison = new Set<string>();
  /** How many calls were under way at once since it came back. */
  mostAtOnce = 0;
  /** By the clock of the process: when the first call has ended well since it came back. */
  backAt: number | undefined;
  #running = 0;
  #outage: Outage | undefined;
  #downAtCall = Number.POSITIVE_INFINITY;
  #goDown = () => {};

  /**
   * Takes it down at a certain call, right after all that are made in the same moment: nobody could know of it before. It comes
   * back after so long.
   *
   * @returns when it came back, by the clock of the process
   */
  downAt(call: number, forMs: number, outage: Outage): { readonly end: number } {
    const result = { end: Number.POSITIVE_INFINITY };
    this.#downAtCall = call;
    this.#goDown = () => {
      this.#outage = outage;
      setTimeout(() => {
        result.end = Date.now();
        this.comeBack();
      }, forMs);
    };
    return result;
  }

  comeBack(): void {
    this.#outage = undefined;
    this.mostAtOnce = this.#running;
    this.backAt = undefined;
  }

  readonly ai: AIAdapter = {
    version: "1",
    describe: async ({ upload }) => {
      await this.#answer(upload.id);
      this.described.set(upload.id, (this.described.get(upload.id) ?? 0) + 1);
      return `A photo of ${upload.id}`;
    },
    embed: async ({ media }) => {
      await this.#answer(media.upload.id);
      return [1, 2, 3];
    },
  };

  async #answer(id: string): Promise<void> {
    if (++this.calls === this.#downAtCall) {
      if (this.calls === 1) this.#goDown();
      else setTimeout(this.#goDown, 1);
    }
    const begunIn = this.#outage;
    if (begunIn !== undefined) this.callsWhileDown++;
    this.#running++;
    this.mostAtOnce = Math.max(this.mostAtOnce, this.#running);
    try {
      await new Promise((resolve) => setTimeout(resolve, begunIn?.failsAfterMs ?? this.latencyMs));
    } finally {
      this.#running--;
    }
    const outage = begunIn ?? this.#outage;
    if (outage !== undefined) throw outage.error();
    if (this.poison.has(id)) throw Object.assign(new Error("internal error"), { status: 500 });
    this.backAt ??= Date.now();
  }
}

export const refused = (): Error =>
  Object.assign(new TypeError("fetch failed"), {
    cause: Object.assign(new Error("connect ECONNREFUSED 127.0.0.1:11434"), { code: "ECONNREFUSED" }),
  });

export const unavailable = (): Error => Object.assign(new Error("Service Unavailable"), { status: 503 });

/** Answers whose keys, payments and quotas are refused, by what is wrong. */
export const ACCOUNT_ERRORS = {
  "401": () => Object.assign(new Error("Incorrect API key provided"), { status: 401 }),
  "402": () => Object.assign(new Error("Payment Required"), { status: 402 }),
  "429 insufficient_quota": () =>
    Object.assign(new Error("You exceeded your current quota"), { status: 429, code: "insufficient_quota" }),
} as const;
