interface Waiting {
  readonly payload: string;
  readonly sent: () => void;
  readonly failed: (error: unknown) => void;
}

/** So many payloads go out in one statement. */
const MOST_AT_ONCE = 100;

/**
 * Sends payloads one statement at a time; those that come meanwhile go out together in the next. Each commit with a NOTIFY takes
 * a lock of the whole server, and each statement a connection that the work may wait for.
 */
export class PostgresNotifier {
  #waiting: Waiting[] = [];
  #isRunning = false;

  constructor(
    private readonly pool: { query(text: string, values?: unknown[]): Promise<unknown> },
    private readonly name: string,
  ) {}

  send(payload: string): Promise<void> {
    return new Promise((sent, failed) => {
      this.#waiting.push({ payload, sent, failed });
      if (!this.#isRunning) void this.#run();
    });
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    while (this.#waiting.length > 0) {
      const together = this.#waiting.splice(0, MOST_AT_ONCE);
      const payloads = together.map(({ payload }) => payload);
      try {
        await this.pool.query("select pg_notify($1, payload) from unnest($2::text[]) as payload", [
          this.name,
          payloads,
        ]);
        for (const { sent } of together) sent();
      } catch (error) {
        for (const { failed } of together) failed(error);
      }
    }
    this.#isRunning = false;
  }
}
