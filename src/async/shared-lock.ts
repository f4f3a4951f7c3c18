/**
 * A readers-writer lock: many hold it together, or one alone. Who wants it alone is let in before those that come later, once
 * the others have left.
 */
export class SharedLock {
  /** Those that are waited for: by the numbers of their entries. */
  readonly #holders = new Set<number>();
  #entries = 0;
  #alone: Promise<void> | undefined;
  #onLastLeft: (() => void) | undefined;

  /** @param work is told, whenever it asks, whether nobody else has held the lock since it began */
  async shared<T>(work: (wasAlone: () => boolean) => Promise<T>): Promise<T> {
    while (this.#alone !== undefined) await this.#alone;
    const isFirst = this.#holders.size === 0;
    const entry = ++this.#entries;
    this.#holders.add(entry);
    try {
      return await work(() => isFirst && this.#entries === entry);
    } finally {
      this.#holders.delete(entry);
      if (this.#holders.size === 0) this.#onLastLeft?.();
    }
  }

  /**
   * @param atMostMs how long the others are waited for: one that hangs must not keep everybody out. Who was waited for in vain is
   *   taken for gone, so that it is waited for once
   */
  async exclusive<T>(work: () => Promise<T>, atMostMs: number): Promise<T> {
    while (this.#alone !== undefined) await this.#alone;
    let leave = () => {};
    this.#alone = new Promise((resolve) => {
      leave = resolve;
    });
    try {
      await this.#othersLeave(atMostMs);
      return await work();
    } finally {
      this.#alone = undefined;
      leave();
    }
  }

  async #othersLeave(atMostMs: number): Promise<void> {
    if (this.#holders.size === 0) return;
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.#onLastLeft = resolve;
      timer = setTimeout(resolve, atMostMs);
    });
    this.#onLastLeft = undefined;
    this.#holders.clear();
    clearTimeout(timer);
  }
}
