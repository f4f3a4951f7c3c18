import type { Logger } from "../../index.js";

/** Tells a logger of an outage once, however often it is noticed. */
export class OutageLog {
  #isOut = false;

  constructor(
    private readonly logger: Logger | undefined,
    private readonly message: string,
  ) {}

  failed(error: unknown): void {
    if (this.#isOut) return;
    this.#isOut = true;
    logSafely(() => this.logger?.warn({ error }, this.message));
  }

  succeeded(): void {
    this.#isOut = false;
  }
}

/** A logger that throws or rejects breaks no stream. */
export function logSafely(log: () => unknown): void {
  try {
    Promise.resolve(log()).catch(() => {});
  } catch {
    // There is nobody else to tell.
  }
}
