import type { Cancellation, Stoppable } from "../async/cancellation.js";
import { Interrupted } from "../async/time.js";

interface DecodeSlotOptions {
  /** Runs the task in a decode slot. Rejects with `Interrupted` when the signal is aborted during the wait for one. */
  readonly decode: <T>(signal: Stoppable, task: () => Promise<T>) => Promise<T>;
  /** Told when the first begins to wait (`true`), and when no one waits any more (`false`), always in pairs. */
  readonly onDecodeWait?: ((waiting: boolean) => void) | undefined;
  readonly cancellation: Cancellation;
}

/** The decode slots as adapters meet them: the wait for one is told of, because it is not the adapter's time. */
export class DecodeSlot {
  #waiting = 0;

  constructor(private readonly options: DecodeSlotOptions) {}

  /** @throws the reason of the abort: an adapter knows that; `Interrupted` is for use inside */
  async run<T>(task: () => Promise<T>, cancellation = this.options.cancellation): Promise<T> {
    const { decode, onDecodeWait } = this.options;
    let waits = true;
    const endWait = () => {
      if (waits && --this.#waiting === 0) onDecodeWait?.(false);
      waits = false;
    };
    if (++this.#waiting === 1) onDecodeWait?.(true);
    try {
      return await decode(cancellation, () => {
        endWait();
        return task();
      });
    } catch (error) {
      throw error instanceof Interrupted ? cancellation.reason : error;
    } finally {
      endWait();
    }
  }
}
