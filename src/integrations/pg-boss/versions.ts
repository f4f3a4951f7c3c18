import type { PgBoss } from "pg-boss";
import { ConfigurationError } from "../../index.js";

/** The methods that are used here and came last: the newest of them with pg-boss 12.38. */
const METHODS = ["findJobs", "update", "getWipData", "notifyWorker"] as const satisfies readonly (keyof PgBoss)[];

/** @throws ConfigurationError a Node that pg-boss does not support, or a pg-boss that is too old */
export function requireVersions(boss: PgBoss, node = process.versions.node): void {
  const [major = 0, minor = 0] = node.split(".").map(Number);
  if (major < 22 || (major === 22 && minor < 12))
    throw new ConfigurationError(
      `upload-processor/pg-boss: expected Node 22.12 or newer, which pg-boss 12 needs, got ${node}; run this process with a newer Node`,
    );
  const missing = METHODS.find((method) => typeof (boss as Partial<PgBoss> | null)?.[method] !== "function");
  if (missing === undefined) return;
  throw new ConfigurationError(
    `upload-processor/pg-boss: expected pg-boss 12.38 or newer, got an older one or none, without ${missing}: npm install pg-boss@12`,
  );
}
