/** Its place in the roster that it is in. */
export interface Listed {
  place: number | undefined;
}

/**
 * Who is at work just now, in no order.
 *
 * A Set or Map that lives long and changes with every upload leaves its outgrown tables behind, and each of them keeps what it
 * held, and the next table: V8's collections of young garbage do not see through that, so that everything which hangs on it
 * grows old and waits for a full collection. Here the last one takes the place of one that leaves, and nothing is left behind.
 */
export class Roster<T extends Listed> implements Iterable<T> {
  readonly #members: T[] = [];

  get size(): number {
    return this.#members.length;
  }

  add(member: T): void {
    member.place ??= this.#members.push(member) - 1;
  }

  /** @returns whether it was listed */
  delete(member: T): boolean {
    const { place } = member;
    if (place === undefined) return false;
    const last = this.#members.pop() as T;
    if (last !== member) {
      this.#members[place] = last;
      last.place = place;
    }
    member.place = undefined;
    return true;
  }

  /** Over those who are listed now, whatever happens meanwhile. */
  [Symbol.iterator](): Iterator<T> {
    return this.#members.slice().values();
  }
}
