/** A vector as the text of a `real[]`, or with other brackets of a pgvector. */
export function encodeVector(vector: ArrayLike<number>, brackets: "{}" | "[]" = "{}"): string {
  // What is too small for a real is 0: PostgreSQL would refuse it.
  const components = Array.from(vector, (value) => (Math.fround(value) === 0 ? 0 : value));
  return `${brackets[0]}${components.join()}${brackets[1]}`;
}

export function decodeVector(text: string): number[] {
  const inner = text.slice(1, -1);
  return inner === "" ? [] : inner.split(",").map(Number);
}

/**
 * PostgreSQL refuses a NUL and half a surrogate pair in jsonb. The library cleans what its models return; what users add
 * themselves comes here as it is. Escaped backslashes are left alone.
 */
export function encodeJson(value: object): string {
  return JSON.stringify(value).replace(/\\\\|\\u0000|\\ud[89a-f][0-9a-f]{2}/g, (escaped) => {
    if (escaped === "\\\\") return escaped;
    return escaped === "\\u0000" ? "" : "\ufffd";
  });
}

/**
 * Whether a column can hold it: PostgreSQL refuses a NUL, and `pg` sends another text for half a surrogate pair. What it cannot hold,
 * such as an id out of somebody's address, is not there.
 */
export function canBeThere(text: string): boolean {
  return !text.includes("\0") && !/\p{Surrogate}/u.test(text);
}
