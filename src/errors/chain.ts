import { read } from "./inspect.js";
import { answerWithinPrisma } from "./prisma.js";

/** Errors of one failure that are looked at; of `errors[]` so many as well. */
const MOST_ERRORS = 16;

/** The errors of an `AggregateError`. */
export function errorsOf(error: unknown): readonly unknown[] {
  const errors = read(error, "errors");
  try {
    return Array.isArray(errors) ? errors.slice(0, MOST_ERRORS) : [];
  } catch {
    return [];
  }
}

/** Where errors keep what they come from: `cause`, and as p-retry, TypeORM, Objection and Sequelize call it. */
const INNER = ["lastError", "cause", "driverError", "originalError", "nativeError", "original"] as const;

/** What was thrown, and what it says that it comes from: nearest first, each once. */
export function errorChain(thrown: unknown): readonly unknown[] {
  const found = [thrown];
  for (let next = 0; next < found.length && found.length < MOST_ERRORS; next++) {
    const error = found[next];
    const within = INNER.map((key) => read(error, key));
    for (const inner of [...within, answerWithinPrisma(error), ...errorsOf(error)])
      if (typeof inner === "object" && inner !== null && !found.includes(inner)) found.push(inner);
  }
  return found;
}

/** The first answer that somebody in the chain has. */
export function firstOf<T>(chain: readonly unknown[], answer: (error: unknown) => T | undefined): T | undefined {
  for (const error of chain) {
    const found = answer(error);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** What the call that failed used up: `usage` of the error, or of what it comes from. Not checked for what it holds. */
export function usageOf(thrown: unknown): unknown {
  return firstOf(errorChain(thrown), (error) => read(error, "usage") ?? undefined);
}
