/** The calls under way with a caller's signal, and the one listener that they share on it. */
const underWay = new WeakMap<AbortSignal, { readonly calls: Set<AbortController>; readonly listener: () => void }>();

/**
 * Makes a call with a signal of its own, which is aborted with the caller's. `fetch` leaves its listeners on a signal until the
 * garbage is collected: on one that lives as long as the process they would pile up. However many calls have the same signal,
 * it gets one listener, or Node would warn of a leak.
 */
export async function withOwnSignal<T>(signal: AbortSignal, call: (own: AbortSignal) => Promise<T>): Promise<T> {
  signal.throwIfAborted();
  const controller = new AbortController();
  let shared = underWay.get(signal);
  if (shared === undefined) {
    const calls = new Set<AbortController>();
    const listener = () => {
      for (const each of calls) each.abort(signal.reason);
    };
    shared = { calls, listener };
    underWay.set(signal, shared);
    signal.addEventListener("abort", listener, { once: true });
  }
  const { calls, listener } = shared;
  calls.add(controller);
  try {
    return await call(controller.signal);
  } finally {
    calls.delete(controller);
    if (calls.size === 0) {
      signal.removeEventListener("abort", listener);
      underWay.delete(signal);
    }
  }
}
