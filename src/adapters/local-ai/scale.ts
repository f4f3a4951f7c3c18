/** Gives the word for a value. */
export type Scale = (value: number) => string;

/**
 * A scale of words.
 *
 * @param below the words for values below a limit, by the limit
 * @param rest the word for everything above
 * @example
 * const light = scale({ 40: "dark", 65: "" }, "bright");
 * light(50); // ""
 */
export function scale(below: Readonly<Record<number, string>>, rest: string): Scale {
  const steps = Object.entries(below)
    .map(([limit, word]) => ({ limit: Number(limit), word }))
    .sort((one, other) => one.limit - other.limit);
  return (value) => steps.find(({ limit }) => value < limit)?.word ?? rest;
}
