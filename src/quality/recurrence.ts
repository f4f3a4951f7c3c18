/** In UTF-16 units. In good texts of every language hardly eight characters in a row come twice; in loops nearly all do. */
export const GRAM = 8;
/** What stood further back is no repetition: long texts come back to their subject. A loop with a longer period is not found. */
const FARTHEST = 6_000;
const MOST_SLOTS = 1 << 16;

/**
 * For each place in a text how far back the same {@link GRAM} characters stood last, or 0 where they are new.
 * One look-up for each place: the time is linear in the length, and the memory of the table is bounded.
 */
export function distancesOf(text: string): Int32Array {
  const size = Math.max(0, text.length - GRAM + 1);
  const distances = new Int32Array(size);
  let slots = 1024;
  while (slots < 2 * size && slots < MOST_SLOTS) slots *= 2;
  // Two places for each slot: neighbours rarely push each other out, and the older one gives way.
  const last = new Int32Array(2 * slots).fill(-1);
  // A rolling hash: what leaves on the left is subtracted with its weight.
  const BASE = 0x01000193;
  let weight = 1;
  for (let power = 1; power < GRAM; power++) weight = Math.imul(weight, BASE);
  let hash = 0;
  for (let index = 0; index < text.length; index++) {
    const start = index - GRAM + 1;
    hash = (Math.imul(hash, BASE) + Math.imul(text.charCodeAt(index), SPREAD)) | 0;
    if (start < 0) continue;
    const slot = 2 * ((hash ^ (hash >>> 15)) & (slots - 1));
    const newer = last[slot] as number;
    const older = last[slot + 1] as number;
    if (isSame(text, newer, start)) {
      distances[start] = start - newer;
    } else {
      if (isSame(text, older, start)) distances[start] = start - older;
      last[slot + 1] = newer;
    }
    last[slot] = start;
    hash = (hash - Math.imul(Math.imul(text.charCodeAt(start), SPREAD), weight)) | 0;
  }
  return distances;
}

const SPREAD = 0x9e3779b1 | 0;

function isSame(text: string, before: number, start: number): boolean {
  if (before < 0 || start - before > FARTHEST) return false;
  for (let offset = 0; offset < GRAM; offset++) {
    if (text.charCodeAt(before + offset) !== text.charCodeAt(start + offset)) return false;
  }
  return true;
}
