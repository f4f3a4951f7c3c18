import type { Stoppable } from "../../src/async/cancellation.js";
import { Interrupted } from "../../src/async/time.js";

export interface DecodeSlots {
  readonly decode: <T>(signal: Stoppable, task: () => Promise<T>) => Promise<T>;
  /** Takes a slot until the returned function is called. */
  readonly hold: () => () => void;
  /** Resolves when somebody waits for a slot. */
  readonly waited: () => Promise<void>;
  readonly calls: () => number;
}

/** So many slots for decoders, as the runtime has them: first come, first served; an abort ends the wait. */
export function decodeSlots(free: number): DecodeSlots {
  const queue = new Set<() => void>();
  const onWait = new Set<() => void>();
  let calls = 0;
  const giveBack = () => {
    free++;
    const [next] = queue;
    next?.();
  };
  const slot = (signal: Stoppable) => {
    if (signal.aborted) return Promise.reject(new Interrupted());
    if (free > 0) {
      free--;
      return Promise.resolve();
    }
    return new Promise<void>((resolve, reject) => {
      const leave = () => {
        queue.delete(take);
        reject(new Interrupted());
      };
      const take = () => {
        free--;
        queue.delete(take);
        signal.removeEventListener("abort", leave);
        resolve();
      };
      signal.addEventListener("abort", leave, { once: true });
      queue.add(take);
      for (const tell of onWait) tell();
    });
  };
  return {
    async decode(signal, task) {
      calls++;
      await slot(signal);
      try {
        return await task();
      } finally {
        giveBack();
      }
    },
    hold() {
      free--;
      return giveBack;
    },
    waited: () => (queue.size > 0 ? Promise.resolve() : new Promise((resolve) => onWait.add(resolve))),
    calls: () => calls,
  };
}
