/** Where it goes when nothing else is given. */
export const GLOBAL_TRACER = {};
export const GLOBAL_METER = {};

/** By where it goes, whatever plugins there are: the work and the events that were told. */
const toldTo = new WeakMap<object, WeakSet<object>>();

/**
 * Twice the same plugin, or two of them, get the same work and the same events: told twice, durations, tokens and cost would be doubled, and
 * nobody would see it.
 *
 * @returns whether nobody has told of it there before
 */
export function firstToTell(destination: object): (of: object) => boolean {
  const told = toldTo.get(destination) ?? new WeakSet();
  toldTo.set(destination, told);
  return (of) => {
    if (told.has(of)) return false;
    told.add(of);
    return true;
  };
}
