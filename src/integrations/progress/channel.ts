import type { ReceivedEvent, WireEvent } from "../../index.js";

/** What a subscriber is handed. */
export type ChannelEvent = ReceivedEvent & {
  /** It was cut to what the channel carries: fields of the record, or texts, are missing. */
  readonly truncated?: true;
};

/**
 * Carries events from the processes that work to those that tell browsers. It may lose events, and says so by `onGap` where it
 * knows: whoever has to know how things stand reads the repository.
 */
export interface Channel {
  /** Sends one event to all subscribers. Calls may overlap; events arrive in the order in which they were called. */
  publish(event: WireEvent): Promise<void>;
  /**
   * Listens until what it answers is called.
   *
   * @param onEvent gets each event; one that throws misses that event
   * @param onGap is called after a time in which events may have been lost
   */
  subscribe(onEvent: (event: ReceivedEvent) => void, onGap: () => void): Promise<() => Promise<void>>;
}
