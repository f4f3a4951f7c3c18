/** What every stream of server-sent events says of itself: no cache and no proxy is to keep or to collect it. */
export const STREAM_HEADERS = {
  "content-type": "text/event-stream",
  // no-transform: compression collects events until it has enough of them.
  "cache-control": "no-store, no-transform",
  "x-accel-buffering": "no", // the same of nginx
  vary: "accept",
} as const;

/** Shows that a stream is alive: proxies close what is silent. */
export const HEARTBEAT = encode(": alive\n\n");

/** One event. JSON has no line breaks, and neither have the types of events. */
export function frame(type: string, data: unknown, id?: string): string {
  return `${id === undefined ? "" : `id: ${id}\n`}event: ${type}\ndata: ${JSON.stringify(data)}\n\n`;
}

export function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
