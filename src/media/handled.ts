/**
 * Marks a promise that is handed to an adapter as handled: Node ends the process when a promise rejects before anybody
 * awaits it, and an adapter may start a call and await it later, or never. Whoever awaits it still gets the rejection.
 */
export function handled<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  return promise;
}
