import { setTimeout as later } from "node:timers/promises";
import pg from "pg";
import { postgresRepository } from "../../../src/adapters/postgres.js";
import { type ProgressHandler, postgresChannel, progressHandler } from "../../../src/integrations/progress.js";
import { framesOf } from "../../support/progress-streams.js";
import { BATCH, type EnginePlan, tablesOf } from "./plan.js";

/** The web process, which does no work itself: it hears what the workers publish, and has a browser that watches the batch. */
export class Listener {
  readonly #settled = new Set<string>();
  readonly #percentages: number[] = [];
  readonly #watched: Promise<void>;
  #unsubscribe: () => Promise<void> = async () => {};

  private constructor(
    private readonly pool: pg.Pool,
    private readonly handler: ProgressHandler,
  ) {
    this.#watched = this.#watch();
  }

  static async start(plan: EnginePlan): Promise<Listener> {
    const pool = new pg.Pool({ connectionString: plan.postgres, max: 4 });
    pool.on("error", () => {});
    const channel = postgresChannel(pool, { name: plan.name });
    const repository = postgresRepository(pool, { tables: tablesOf(plan), vector: "array" });
    const listener = new Listener(pool, progressHandler({ channel, repository, subject: () => ({ batchId: BATCH }) }));
    listener.#unsubscribe = await channel.subscribe(
      (event) => {
        if (event.type === "upload:settled" && event.status === "completed") listener.#settled.add(event.uploadId);
      },
      () => {},
    );
    return listener;
  }

  /** Until the batch is completed. */
  async #watch(): Promise<void> {
    const response = await this.handler.fetch(new Request("http://localhost/progress"));
    for await (const { type, data } of framesOf(response)) {
      if (type !== "snapshot") continue;
      this.#percentages.push(Number(data.percentage));
      if (data.status === "completed") return;
    }
  }

  /** @param lost of so many uploads nothing may have been heard */
  async problems(ids: readonly string[], lost: number): Promise<string[]> {
    await this.#watched;
    const unheardOf = () => ids.filter((id) => !this.#settled.has(id));
    for (let looks = 0; looks < 100 && unheardOf().length > lost; looks++) await later(50); // on its way
    const unheard = unheardOf();
    const problems = this.#percentages.flatMap((percentage, index) => {
      const before = this.#percentages[index - 1] ?? 0;
      return percentage < before ? [`the progress went back from ${before} to ${percentage}`] : [];
    });
    if (this.#percentages.at(-1) !== 100) problems.push(`the progress ended at ${this.#percentages.at(-1)}`);
    if (unheard.length > lost) problems.push(`nothing was heard of ${unheard.length} uploads: ${unheard.join(", ")}`);
    return problems;
  }

  async close(): Promise<void> {
    await this.handler.close();
    await this.#unsubscribe();
    await this.pool.end();
  }
}
