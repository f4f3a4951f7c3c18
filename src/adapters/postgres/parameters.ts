/** One statement with its parameters: every operation of the repository is one round trip. */
export interface Statement {
  readonly text: string;
  readonly values: unknown[];
  /** Run often, with a text that is one of few: it is worth being prepared. */
  readonly often?: true;
}

/** Collects the values of a statement: `bind` answers with the placeholder to put into its text. */
export function parameters(): { values: unknown[]; bind: (value: unknown) => string } {
  const values: unknown[] = [];
  return { values, bind: (value) => `$${values.push(value)}` };
}

export const OPEN = "('pending', 'analyzing', 'embedding')";
export const IN_PROGRESS = "('analyzing', 'embedding')";
export const SETTLED = "('completed', 'failed')";

/** The time so many milliseconds from now, by the clock of the database. */
export function leaseUntil(milliseconds: string): string {
  return `clock_timestamp() + ${milliseconds}::float8 * interval '1 millisecond'`;
}
