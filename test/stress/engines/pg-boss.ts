import { PgBoss } from "pg-boss";
import { closeUploads, enqueueUploads, workUploads } from "../../../src/integrations/pg-boss.js";
import { BATCH, type Engine, type EnginePlan } from "./plan.js";

const QUEUE = "uploads";
const schemaOf = ({ name }: EnginePlan) => `${name}_jobs`;

export const pgBoss: Engine = {
  frozenMs: 15_000, // longer than the heartbeat, of which ten seconds are the least
  enqueue: (plan, ids) =>
    withBoss(plan, async (boss) => {
      await boss.createQueue(QUEUE, { policy: "exclusive", heartbeatSeconds: 10, retryLimit: 3 });
      const { added } = await enqueueUploads(
        boss,
        QUEUE,
        ids.map((id) => ({ id, batchId: BATCH })),
      );
      if (added !== ids.length) throw new Error(`${added} of ${ids.length} jobs were added`);
    }),
  async work(plan, adapters, told) {
    const boss = await open(plan);
    await workUploads(boss, QUEUE, adapters, {
      ...told,
      thumbnail: false,
      lease: { durationMs: plan.leaseMs },
      work: { localConcurrency: plan.concurrency, pollingIntervalSeconds: 0.5 },
    });
    return {
      async close() {
        await closeUploads(boss, QUEUE, { graceMs: plan.graceMs });
        await boss.stop();
      },
    };
  },
  ended: (plan) =>
    withBoss(plan, async (boss) => {
      const { rows } = await boss
        .getDb()
        .executeSql(`select state::text, count(*)::integer from ${schemaOf(plan)}.job where name = $1 group by 1`, [
          QUEUE,
        ]);
      const counts = new Map<string, number>(rows.map(({ state, count }) => [state, count]));
      return { completed: counts.get("completed") ?? 0, failed: counts.get("failed") ?? 0 };
    }),
  remove: (plan) =>
    withBoss(plan, async (boss) => {
      await boss.getDb().executeSql(`drop schema ${schemaOf(plan)} cascade`);
    }),
};

async function open(plan: EnginePlan): Promise<PgBoss> {
  const boss = new PgBoss({
    connectionString: plan.postgres,
    schema: schemaOf(plan),
    max: 4,
    superviseIntervalSeconds: 1,
    monitorIntervalSeconds: 1,
  });
  // What a worker is told that was frozen.
  boss.on("error", () => {});
  return boss.start();
}

async function withBoss<T>(plan: EnginePlan, work: (boss: PgBoss) => Promise<T>): Promise<T> {
  const boss = await open(plan);
  try {
    return await work(boss);
  } finally {
    await boss.stop({ graceful: false }).catch(() => {});
  }
}
