import { UploadError, type WireEvent } from "../../index.js";
import type { Channel } from "./channel.js";

interface Waiting {
  readonly event: WireEvent;
  /** It was published, or given up. */
  readonly done: () => void;
}

/** So many events are being published at once, and so many wait for that. */
const MOST_UNDERWAY = 64;
const MOST_WAITING = 1000;

/** Hands events to a channel, without anybody having to wait for it: what it does not take in time is given up. */
export class Outbox {
  readonly #waiting: Waiting[] = [];
  #underway = 0;
  /** What went wrong first, since everything went well. */
  #outage: { readonly error: unknown; isTold: boolean } | undefined;

  constructor(private readonly channel: Channel) {}

  /** Resolves when the channel has taken it, or will not get it any more. */
  send(event: WireEvent): Promise<void> {
    return new Promise((done) => {
      this.#waiting.push({ event, done });
      if (this.#waiting.length > MOST_WAITING) this.#giveUpOldest();
      this.#publishNext();
    });
  }

  /** @throws what went wrong, once per outage */
  tellOutage(): void {
    if (this.#outage === undefined || this.#outage.isTold) return;
    this.#outage.isTold = true;
    throw this.#outage.error;
  }

  #giveUpOldest(): void {
    this.#waiting.shift()?.done();
    const message = `The channel does not keep up: more than ${MOST_WAITING} events wait for it, and the oldest are given up`;
    this.#failed(new UploadError(message, { code: "NOT_COMPLETED", fault: "service" }));
  }

  #publishNext(): void {
    while (this.#underway < MOST_UNDERWAY) {
      const next = this.#waiting.shift();
      if (next === undefined) return;
      this.#underway++;
      void this.#publish(next);
    }
  }

  async #publish({ event, done }: Waiting): Promise<void> {
    try {
      await this.channel.publish(event);
      if (this.#waiting.length === 0) this.#outage = undefined;
    } catch (error) {
      this.#failed(error);
    }
    done();
    this.#underway--;
    this.#publishNext();
  }

  #failed(error: unknown): void {
    this.#outage ??= { error, isTold: false };
  }
}
