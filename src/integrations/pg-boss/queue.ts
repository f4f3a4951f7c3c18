import type { PgBoss, QueueResult } from "pg-boss";
import { ConfigurationError } from "../../index.js";

/** @throws ConfigurationError the queue is not there, or has no heartbeat */
export async function requireQueue(boss: PgBoss, name: string): Promise<QueueResult> {
  if (typeof name !== "string" || name === "")
    throw new ConfigurationError(`queue: expected the name of a queue, got ${name === "" ? '""' : typeof name}`);
  const queue = await boss.getQueue(name);
  if (queue === null)
    throw new ConfigurationError(
      `queue "${name}": there is none; boss.createQueue("${name}", { policy: "exclusive", heartbeatSeconds: 60 }) makes it`,
    );
  if (queue.heartbeatSeconds == null)
    throw new ConfigurationError(
      `queue "${name}": expected heartbeatSeconds; without it boss.cancel does not reach the work, and the jobs of a worker that ` +
        `died wait until they expire: boss.updateQueue("${name}", { heartbeatSeconds: 60 })`,
    );
  return queue;
}

/** @throws ConfigurationError also: an upload could have several jobs at once */
export async function requireExclusiveQueue(boss: PgBoss, name: string): Promise<void> {
  const { policy } = await requireQueue(boss, name);
  if (policy === "exclusive") return;
  throw new ConfigurationError(
    `queue "${name}": expected policy: "exclusive", got "${policy}", by which an upload could have several jobs at once; the policy of ` +
      `a queue cannot be changed: make another one by boss.createQueue(name, { policy: "exclusive", heartbeatSeconds: 60 })`,
  );
}
