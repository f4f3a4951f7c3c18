/** One statement with its parameters: every operation of the repository is one round trip. */
export interface Statement {
  readonly text: string;
  readonly values: unknown[];
}

/** Collects the values of a statement: `bind` answers with the placeholder to put into its text. */
export function parameters(): { values: unknown[]; bind: (value: unknown) => string } {
  const values: unknown[] = [];
  return { values, bind: (value) => `$${values.push(value)}` };
}
