/** What is used of the client of an engine. */
interface Emitter {
  listenerCount(event: "error"): number;
  emit(event: "error", error: Error): boolean;
}

/** Tells the client's listeners of `error`. Without one it would be thrown, or printed. */
export function report(client: Emitter, thrown: unknown): void {
  if (client.listenerCount("error") > 0) client.emit("error", asError(thrown));
}

export function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}
