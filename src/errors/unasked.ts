import { read } from "./inspect.js";

/** What a failed call has used up that has called no model. */
const NOTHING = Object.freeze({ requests: 0 });

/** Has an error tell that no model was called, unless it tells what was used up: so it is on no invoice. */
export function tellUnasked(thrown: unknown): void {
  if (!(thrown instanceof Error) || !Object.isExtensible(thrown) || read(thrown, "usage") !== undefined) return;
  Object.defineProperty(thrown, "usage", { value: NOTHING, writable: true, configurable: true });
}
