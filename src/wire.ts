import { type ConfigurationError, UploadError } from "./errors.js";
import type { UploadEvent } from "./events.js";
import { expected, requireKnown, requireMembers } from "./validate.js";
import { INVALID, MOST_ERRORS } from "./wire/kinds.js";
import type { ReceivedPayloads } from "./wire/received.js";
import { OUTCOMES, SHAPES, type Shape } from "./wire/shapes.js";

/** The form of the JSON; another one would be another number. */
const VERSION = 1;

/** An event as plain JSON, for a queue, a socket or NOTIFY: see {@link serializeEvent}. */
export type WireEvent = {
  readonly v: typeof VERSION;
  readonly type: UploadEvent["type"];
  readonly uploadId?: string;
  readonly batchId?: string | null;
  /** In milliseconds since the epoch. */
  readonly at: number;
  readonly [field: string]: unknown;
};

/** What {@link parseEvent} makes of a {@link WireEvent}: the event, with as much of the record as was sent. */
export type ReceivedEvent = ReceivedPayloads[keyof ReceivedPayloads];

/** What {@link serializeEvent} sends besides. */
export interface SerializeOptions {
  /**
   * Fields of the record to send, besides `id`: small ones, for this is what goes over the wire with each event. `fileName` and `fileSize` of
   * `upload:progress` are among them. @default []
   */
  readonly fields?: readonly string[] | undefined;
}

/**
 * An event as plain JSON, whatever the record holds (a BigInt becomes a text, a Date an ISO text; functions and cycles are left
 * out). Small: no description, no vector, errors as {@link UploadErrorJSON} without their causes; of warnings and failures the
 * first 10, and `failuresOmitted` counts the others.
 *
 * @throws ConfigurationError for what is no event, and an option that is unknown or not what it should be
 * @example
 * processor.on("upload:settled", (event) => channel.send(JSON.stringify(serializeEvent(event, { fields: ["fileName"] }))));
 */
export function serializeEvent(event: UploadEvent, options: SerializeOptions = {}): WireEvent {
  requireMembers("serializeEvent: options", options, []);
  requireKnown("serializeEvent: options", options, ["fields"]);
  const { fields = [] } = options;
  if (!Array.isArray(fields)) throw expected("serializeEvent: options.fields", "a list of the names of fields", fields);
  requireMembers("serializeEvent: event", event, []);
  const shape = shapeOf(event);
  if (shape === undefined) throw unknownEvent(event);
  const json: Record<string, unknown> = { v: VERSION, type: event.type };
  const given = asSent(event);
  for (const [name, kind] of Object.entries(shape)) {
    const written = kind.write(given[name], fields);
    if (written !== undefined) json[name] = written;
  }
  return json as WireEvent;
}

function unknownEvent({ type, status }: { readonly type: unknown; readonly status?: unknown }): ConfigurationError {
  if (type === "upload:settled") return expected("serializeEvent: event.status", "the status of a result", status);
  return expected("serializeEvent", "an event with a known type", type);
}

/**
 * The event that {@link serializeEvent} made the JSON of, with its errors as {@link UploadError}.
 *
 * @param json an object or a JSON text
 * @returns `null` for what is none of ours, is of another version, or lacks something
 */
export function parseEvent(json: unknown): ReceivedEvent | null {
  try {
    const given: unknown = typeof json === "string" ? JSON.parse(json) : json;
    if (!isObject(given) || given.v !== VERSION) return null;
    const shape = shapeOf(given);
    if (shape === undefined) return null;
    const event: Record<string, unknown> = { type: given.type };
    for (const [name, kind] of Object.entries(shape)) {
      const read = kind.read(Object.hasOwn(given, name) ? given[name] : undefined);
      if (read === INVALID) return null;
      if (read !== undefined) event[name] = read;
    }
    return event as unknown as ReceivedEvent;
  } catch {
    return null; // no JSON, or an object that throws when it is looked at
  }
}

function shapeOf(event: { readonly type?: unknown; readonly status?: unknown }): Shape | undefined {
  const { type, status } = event;
  if (typeof type !== "string" || !Object.hasOwn(SHAPES, type)) return undefined;
  const shape: Shape = SHAPES[type as UploadEvent["type"]];
  if (type !== "upload:settled") return shape;
  if (typeof status !== "string" || !Object.hasOwn(OUTCOMES, status)) return undefined;
  return { ...shape, ...OUTCOMES[status as keyof typeof OUTCOMES] };
}

/** Why an upload was aborted is sent as its error, where it is one; the failures that are not sent are counted as omitted. */
function asSent(event: UploadEvent): Readonly<Record<string, unknown>> {
  const { reason } = event as { readonly reason?: unknown };
  if (UploadError.isInstance(reason)) return { ...event, error: reason };
  if (event.type !== "batch:settled") return { ...event };
  const { failures = [], failuresOmitted = 0 } = event as Partial<typeof event>;
  return { ...event, failuresOmitted: failuresOmitted + Math.max(0, failures.length - MOST_ERRORS) };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
