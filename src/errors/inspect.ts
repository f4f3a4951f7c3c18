/** What cannot be read is not there: a getter may throw, and so may a proxy. */
export function read(value: unknown, key: PropertyKey): unknown {
  if (typeof value !== "object" || value === null) return undefined;
  try {
    return (value as Record<PropertyKey, unknown>)[key];
  } catch {
    return undefined;
  }
}

/** A text that can be read; none is an empty one. */
export function textAt(value: unknown, key: string): string {
  const text = read(value, key);
  return typeof text === "string" ? text : "";
}

/** `instanceof`, also for a proxy that does not let itself be asked. */
export function isA<T>(value: unknown, type: new (...args: never[]) => T): value is T {
  try {
    return value instanceof type;
  } catch {
    return false;
  }
}

/** Whether an error of the file system, say, has this code. Not asked by `instanceof`: in Jest Node's errors are of another realm. */
export function hasCode(error: unknown, code: string): boolean {
  return read(error, "code") === code;
}

/**
 * Classes of SQLSTATE begin with a digit or one of these; those from I to Z are for users. A digit tells them from network codes such
 * as EPIPE, and Prisma's begin with P1 to P6.
 */
const SQLSTATE = /^(?=.*\d)(?:\d[\dA-Z]|F0|HV|P0|[I-OQ-Z][\dA-Z])[\dA-Z]{3}$/;

/** The SQLSTATE of a database's error: `code` in PostgreSQL's clients, `sqlState` in MySQL's. */
export function sqlStateOf(error: unknown): string | undefined {
  for (const value of [read(error, "code"), read(error, "sqlState")])
    if (typeof value === "string" && SQLSTATE.test(value)) return value;
  return undefined;
}
