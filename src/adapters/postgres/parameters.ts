/** One statement with its parameters: every operation of the repository is one round trip. */
export interface Statement {
  readonly text: string;
  readonly values: unknown[];
  /** Run often, with a text that is one of few: it is worth being prepared. */
  readonly often?: true;
  /** Looks at, or changes, as many rows as there are: it may take longer than an answer is waited for. */
  readonly isLong?: true;
}

/** Collects the values of a statement: `bind` answers with the placeholder to put into its text. */
export function parameters(): { values: unknown[]; bind: (value: unknown) => string } {
  const values: unknown[] = [];
  return { values, bind: (value) => `$${values.push(value)}` };
}

/**
 * A table of what several calls were given: one parameter a column, each an array of texts.
 *
 * The parameters are read by subqueries, so that the planner cannot count what is in them: else every plan with few rows seems
 * cheaper than the one for all, and a statement is planned at each execution, which takes longer than the statement.
 */
export function inputTable(columns: readonly string[]): string {
  const arrays = columns.map((_, index) => `(select $${index + 1}::text[])`);
  return `unnest(${arrays.join(", ")}) as input(${columns.join(", ")})`;
}

export const OPEN = "('pending', 'analyzing', 'embedding')";
export const IN_PROGRESS = "('analyzing', 'embedding')";
export const SETTLED = "('completed', 'failed')";

/** The time so many milliseconds from now, by the clock of the database. */
export function leaseUntil(milliseconds: string): string {
  return `clock_timestamp() + ${milliseconds}::float8 * interval '1 millisecond'`;
}
