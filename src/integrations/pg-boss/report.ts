import type { PgBoss } from "pg-boss";

/** Without a listener an `error` would be thrown. */
export function report(boss: PgBoss, thrown: unknown): void {
  if (boss.listenerCount("error") > 0) boss.emit("error", asError(thrown));
}

export function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}
