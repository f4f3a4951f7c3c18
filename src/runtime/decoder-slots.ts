import type { Stoppable } from "../async/cancellation.js";
import type { MediaDecoder } from "../contracts/decoder.js";
import { Limiter } from "./limiter.js";

/** A decoder may serve many processors and runtimes, and takes only so much at once, whoever asks. */
const byDecoder = new WeakMap<MediaDecoder, Limiter>();

function limiterOf(decoder: MediaDecoder, concurrency: number): Limiter {
  let limiter = byDecoder.get(decoder);
  if (limiter === undefined) {
    limiter = new Limiter(concurrency);
    byDecoder.set(decoder, limiter);
  }
  return limiter;
}

/**
 * The slots of a runtime for decoding. Who waits for a decoder that is busy holds none of them, so that what others decode goes on.
 */
export class DecoderSlots {
  #waiting = 0;

  constructor(private readonly slots: () => Limiter) {}

  /** How many wait for their decoder. */
  get waiting(): number {
    return this.#waiting;
  }

  /**
   * Runs `task` in a slot.
   *
   * @param decoder `undefined` where sharp decodes
   * @throws Interrupted when the signal is aborted before
   */
  run<T>(decoder: MediaDecoder | undefined, signal: Stoppable, task: () => Promise<T>): Promise<T> {
    if (decoder?.concurrency === undefined) return this.slots().run(signal, task);
    return this.#behindOthers(limiterOf(decoder, decoder.concurrency), signal, task);
  }

  async #behindOthers<T>(limiter: Limiter, signal: Stoppable, task: () => Promise<T>): Promise<T> {
    let waits = true;
    const endWait = () => {
      if (waits) this.#waiting--;
      waits = false;
    };
    this.#waiting++;
    try {
      return await limiter.run(signal, () => {
        endWait();
        return this.slots().run(signal, task);
      });
    } finally {
      endWait();
    }
  }
}
