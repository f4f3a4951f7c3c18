import type { Hub, OpenStream } from "./hub.js";
import type { Settings } from "./options.js";
import type { Sink } from "./reader.js";
import { requireSubject } from "./subject.js";

/** What a request gets: a response as it is, or a stream that begins when it is handed its sink. */
export type Answer = { readonly response: Response } | { readonly begin: (sink: Sink) => OpenStream };

const JSON_HEADERS = { "content-type": "application/json", "cache-control": "no-store", vary: "accept" };

/** @throws ConfigurationError, and whatever `subject` does */
export async function answer(request: Request, hub: Hub, { subject }: Settings): Promise<Answer> {
  if (request.method !== "GET") return refusal(405, "Only GET is answered", { allow: "GET" });
  const given = await subject(request);
  if (given === null) return refusal(404, "There is nothing to watch");
  if (given instanceof Response) return { response: given };
  const watched = requireSubject(given);
  if (hub.isClosed) return refusal(503, "It is closing", { "retry-after": "1" });
  const topic = hub.topicOf(watched);

  const isPolling = wantsJson(request.headers.get("accept"));
  if (!isPolling) {
    await hub.listen();
    const seen = hub.placeOf(request.headers.get("last-event-id"));
    if (seen !== undefined)
      return {
        begin: (sink) => hub.open(topic, sink, (reader) => void (topic.resume(reader, seen) || topic.onRoom(reader))),
      };
  }
  const reading = await topic.snapshot().catch(() => undefined); // it is logged
  if (reading === undefined) return refusal(503, "How it stands cannot be read now", { "retry-after": "5" });
  if (reading.snapshot === null) return refusal(404, "There is nothing to watch");
  if (isPolling) return { response: new Response(JSON.stringify(reading.snapshot), { headers: JSON_HEADERS }) };
  return { begin: (sink) => hub.open(topic, sink, (reader) => topic.catchUp(reader, reading)) };
}

function wantsJson(accept: string | null): boolean {
  return accept?.includes("application/json") === true && !accept.includes("text/event-stream");
}

function refusal(status: number, error: string, headers: Record<string, string> = {}): Answer {
  return { response: new Response(JSON.stringify({ error }), { status, headers: { ...JSON_HEADERS, ...headers } }) };
}
