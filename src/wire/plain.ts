/** What is nested deeper is left out. */
const DEEPEST = 20;

/**
 * The value as plain JSON keeps it, whatever it holds: a BigInt as text, a Date (and whatever has a `toJSON`) as it says itself.
 * Functions, symbols, cycles and what cannot be read are left out.
 *
 * @returns undefined for what is left out
 */
export function plain(value: unknown): unknown {
  return plainIn(value, []);
}

function plainIn(value: unknown, parents: readonly object[]): unknown {
  if (typeof value === "bigint") return String(value);
  if (typeof value === "number") return Number.isFinite(value) ? value : null;
  if (typeof value !== "object" || value === null) return isScalar(value) ? value : undefined;
  if (parents.includes(value) || parents.length > DEEPEST) return undefined;
  const inside = [...parents, value];
  try {
    const own = "toJSON" in value && typeof value.toJSON === "function" ? value.toJSON() : value;
    if (own !== value) return plainIn(own, inside);
    if (Array.isArray(value)) return value.map((item) => plainIn(item, inside) ?? null);
    const entries = Object.keys(value).map((key) => [key, memberOf(value, key, inside)] as const);
    return Object.fromEntries(entries.filter(([, member]) => member !== undefined));
  } catch {
    return undefined;
  }
}

function memberOf(value: object, key: string, inside: readonly object[]): unknown {
  try {
    return plainIn((value as Record<string, unknown>)[key], inside);
  } catch {
    return undefined; // its getter throws
  }
}

function isScalar(value: unknown): boolean {
  return typeof value === "string" || typeof value === "boolean" || value === null;
}
