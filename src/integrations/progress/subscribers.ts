import { parseEvent } from "../../index.js";
import { expected } from "../check.js";
import type { Channel, ChannelEvent } from "./channel.js";

interface Subscriber {
  readonly onEvent: Parameters<Channel["subscribe"]>[0];
  readonly onGap: Parameters<Channel["subscribe"]>[1];
}

/** What a source tells: the JSON of an event, and that some may be lost. */
export interface Receiver {
  readonly event: (json: string) => void;
  readonly gap: () => void;
}

/** Opens a source of events. @returns what closes it */
export type OpenSource = (receiver: Receiver) => Promise<() => unknown>;

/** Shares one source among all subscribers of a channel: it is opened for the first of them, and closed after the last. */
export class Subscribers {
  readonly #all = new Set<Subscriber>();
  #opened: Promise<() => unknown> | undefined;
  #closed: Promise<unknown> = Promise.resolve();

  constructor(private readonly open: OpenSource) {}

  readonly subscribe: Channel["subscribe"] = async (onEvent, onGap) => {
    if (typeof onEvent !== "function") throw expected("subscribe", "a function for events", onEvent);
    if (typeof onGap !== "function") throw expected("subscribe", "a function for gaps", onGap);
    const subscriber = { onEvent, onGap };
    this.#all.add(subscriber);
    // Not beside one that is still closing: on one connection the end of that would end this.
    this.#opened ??= this.#closed.then(() =>
      this.open({ event: (json) => this.#receive(json), gap: () => this.#gap() }),
    );
    const opened = this.#opened;
    try {
      await opened;
    } catch (error) {
      this.#all.delete(subscriber);
      if (this.#opened === opened) this.#opened = undefined;
      throw error;
    }
    return async () => {
      if (this.#all.delete(subscriber) && this.#all.size === 0) {
        this.#opened = undefined;
        this.#closed = opened.then((close) => close()).catch(() => {});
      }
      await this.#closed;
    };
  };

  #receive(json: string): void {
    const event = received(json);
    if (event === null) return;
    for (const { onEvent } of this.#all) isolated(() => onEvent(event));
  }

  #gap(): void {
    for (const { onGap } of this.#all) isolated(onGap);
  }
}

/** A subscriber that throws keeps nothing from the others, and ends no process from inside a client's socket. */
function isolated(call: () => void): void {
  try {
    call();
  } catch {
    // It was told.
  }
}

function received(json: string): ChannelEvent | null {
  try {
    const given: unknown = JSON.parse(json);
    const event: ChannelEvent | null = parseEvent(given);
    return event !== null && Object(given).truncated === true
      ? Object.assign(event, { truncated: true as const })
      : event;
  } catch {
    return null; // others may use the same name
  }
}
