/** Its place in the set that it is in. */
export interface Listed {
  place: number | undefined;
}

/**
 * What is in work just now, in no order.
 *
 * An array instead of a Set: a Set that lives long and changes with every upload replaces its hash table again and again, and
 * V8 (Node 20) frees the old tables, with all that they refer to, only in a full collection. Here the last member takes the
 * place of the one that leaves.
 */
export class ActiveSet<T extends Listed> implements Iterable<T> {
  readonly #members: T[] = [];

  get size(): number {
    return this.#members.length;
  }

  add(member: T): void {
    member.place ??= this.#members.push(member) - 1;
  }

  /** @returns whether it was in the set */
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

  /** Without a copy: `each` must not change the set. */
  forEach(each: (member: T) => void): void {
    for (const member of this.#members) each(member);
  }

  /** Over the members of this moment, whatever happens meanwhile. */
  [Symbol.iterator](): Iterator<T> {
    return this.#members.slice().values();
  }
}
