/**
 * Makes a call with a signal of its own, which is aborted with the caller's. `fetch` leaves its listeners on a signal until the
 * garbage is collected: on one that lives as long as the process they would pile up.
 */
export async function withOwnSignal<T>(signal: AbortSignal, call: (own: AbortSignal) => Promise<T>): Promise<T> {
  signal.throwIfAborted();
  const controller = new AbortController();
  const abort = () => controller.abort(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  try {
    return await call(controller.signal);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}
