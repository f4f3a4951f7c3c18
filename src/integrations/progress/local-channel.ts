import type { Channel } from "./channel.js";
import { type Receiver, Subscribers } from "./subscribers.js";

/** A channel inside one process: for a backend that works and tells browsers itself, and for tests. */
export function localChannel(): Channel {
  let receiver: Receiver | undefined;
  const subscribers = new Subscribers(async (opened) => {
    receiver = opened;
    return () => {
      receiver = undefined;
    };
  });
  return {
    // As text, as by the other channels: no object is shared with whoever listens.
    publish: async (event) => receiver?.event(JSON.stringify(event)),
    subscribe: subscribers.subscribe,
  };
}
