import { ConfigurationError, type ReceivedEvent } from "../../index.js";
import type { Channel } from "./channel.js";
import type { OutageLog } from "./outage-log.js";

/** A stream does not wait longer for the channel: it begins with a snapshot, and the rest comes later. */
const LONGEST_WAIT_MS = 3000;

/** The one subscription of a handler: made when the first stream is opened, tried again until there is one, kept until the end. */
export class Subscription {
  #subscribing: Promise<void> | undefined;
  #unsubscribe: (() => Promise<void>) | undefined;
  #isLate = false;
  #isClosed = false;

  constructor(
    private readonly channel: Channel,
    private readonly onEvent: (event: ReceivedEvent) => void,
    private readonly onGap: () => void,
    private readonly outage: OutageLog,
  ) {}

  /** Begins it where there is none, and waits for it, within limits. @throws ConfigurationError of the channel */
  async ensure(): Promise<void> {
    this.#subscribing ??= this.#subscribe();
    let timer: NodeJS.Timeout | undefined;
    const patience = new Promise<void>((resolve) => {
      timer = setTimeout(() => {
        this.#isLate = true;
        resolve();
      }, LONGEST_WAIT_MS).unref();
    });
    try {
      await Promise.race([this.#subscribing, patience]);
    } catch (error) {
      if (error instanceof ConfigurationError) throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  async #subscribe(): Promise<void> {
    try {
      this.#unsubscribe = await this.channel.subscribe(this.onEvent, this.onGap);
      this.outage.succeeded();
      if (this.#isClosed) await this.close();
      else if (this.#isLate) this.onGap(); // streams have begun without it
      this.#isLate = false;
    } catch (error) {
      this.#subscribing = undefined;
      this.#isLate = true;
      this.outage.failed(error);
      throw error;
    }
  }

  /** One that is still being made is ended when it is there. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const unsubscribe = this.#unsubscribe;
    this.#unsubscribe = undefined;
    // A channel that is gone is not heard any more either way.
    await unsubscribe?.().catch(() => {});
  }
}
