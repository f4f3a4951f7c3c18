import type { Hub, OpenStream } from "./hub.js";
import type { Settings } from "./options.js";
import type { Reader, Sink } from "./reader.js";
import { requireSubject, type Subject } from "./subject.js";
import type { Reading, Topic } from "./topic.js";

/** What a request gets: a response as it is, or a stream that begins when it is handed its sink. */
export type Answer = { readonly response: Response } | { readonly begin: (sink: Sink) => OpenStream };

/** A stream waits for its first snapshot no longer, so that its client sees that it is there; what is not there then ends it. */
const LONGEST_WAIT_MS = 1000;

const JSON_HEADERS = { "content-type": "application/json", "cache-control": "no-store", vary: "accept" };

/** @throws ConfigurationError, and whatever `subject` does */
export async function answer(request: Request, hub: Hub, { subject }: Settings): Promise<Answer> {
  if (request.method !== "GET") return refusal(405, "Only GET is answered", { allow: "GET" });
  const given = await subject(request);
  if (given === null) return nothing();
  if (given instanceof Response) return { response: given };
  const watched = requireSubject(given);
  if (hub.isClosed) return refusal(503, "It is closing", { "retry-after": "1" });
  if (wantsJson(request.headers.get("accept"))) return poll(hub.topicOf(watched));
  await hub.listen();
  return stream(hub, watched, hub.placeOf(request.headers.get("last-event-id")));
}

async function poll(topic: Topic): Promise<Answer> {
  const reading = await topic.snapshot().catch(() => undefined); // it is logged
  if (reading === undefined) return unreadable();
  if (reading.snapshot === null) return nothing();
  return { response: new Response(JSON.stringify(reading.snapshot), { headers: JSON_HEADERS }) };
}

/** @param seen the place of the event that the client has seen last */
async function stream(hub: Hub, subject: Subject, seen: number | undefined): Promise<Answer> {
  const begin = (how: (reader: Reader, topic: Topic) => void): Answer => ({
    begin: (sink) => hub.open(subject, sink, how),
  });
  const asked = hub.topicOf(subject);
  // Who comes back is not told for ever that nothing has happened to what is not there any more.
  const reading = await soon(seen === undefined ? asked.snapshot() : asked.lately());
  if (reading !== "late" && reading?.snapshot === null) return nothing();
  if (seen !== undefined) return begin((reader, topic) => void (topic.resume(reader, seen) || topic.onRoom(reader)));
  if (reading === undefined) return unreadable();
  return begin((reader, topic) => void (reading === "late" ? topic.begin(reader) : topic.catchUp(reader, reading)));
}

/** What is read, if that does not take long; `undefined`: it cannot be read, which is logged. */
async function soon(reading: Promise<Reading>): Promise<Reading | "late" | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<"late">((resolve) => {
    timer = setTimeout(resolve, LONGEST_WAIT_MS, "late").unref();
  });
  try {
    return await Promise.race([reading, late]);
  } catch {
    return undefined;
  } finally {
    clearTimeout(timer);
  }
}

function nothing(): Answer {
  return refusal(404, "There is nothing to watch");
}

function unreadable(): Answer {
  return refusal(503, "How it stands cannot be read now", { "retry-after": "5" });
}

function wantsJson(accept: string | null): boolean {
  return accept?.includes("application/json") === true && !accept.includes("text/event-stream");
}

function refusal(status: number, error: string, headers: Record<string, string> = {}): Answer {
  return { response: new Response(JSON.stringify({ error }), { status, headers: { ...JSON_HEADERS, ...headers } }) };
}
