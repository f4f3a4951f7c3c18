/** Runs all checks that a contract suite registers, and answers with the names of those that fail. */
export async function failingChecks(
  register: (test: (name: string, body: () => Promise<void>) => void) => void,
): Promise<string[]> {
  const checks: { name: string; body: () => Promise<void> }[] = [];
  register((name, body) => checks.push({ name, body }));
  const outcomes = await Promise.allSettled(checks.map(({ body }) => body()));
  return checks.flatMap(({ name }, index) => (outcomes[index]?.status === "rejected" ? [name] : []));
}
