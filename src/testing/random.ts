/** Numbers from 0 to below 1, the same ones for the same name: what one call draws does not depend on any other call. */
export function randomFrom(name: string): () => number {
  let state = hash(name);
  // mulberry32: small, and good enough to choose with (https://github.com/cprosche/mulberry32)
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** FNV-1a: names that differ in one digit begin at places far apart. */
function hash(name: string): number {
  let value = 0x811c9dc5;
  for (let index = 0; index < name.length; index++) value = Math.imul(value ^ name.charCodeAt(index), 0x01000193);
  return value;
}
