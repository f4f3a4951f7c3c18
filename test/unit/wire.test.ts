import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ConfigurationError, UploadError } from "../../src/errors.js";
import type { UploadEvent } from "../../src/events.js";
import { parseEvent, type ReceivedEvent, serializeEvent } from "../../src/wire.js";
import { EVENTS } from "../support/event-arbitraries.js";
import { HOSTILE_ERRORS, untouchable, withThrowingGetters } from "../support/hostile.js";

/** Members that the events have or gain are given whether or not their types have them already. */
const event = (fields: object) => fields as UploadEvent;
const upload = { id: "u1", storageKey: "k", status: "completed", description: "private", embedding: [1, 2, 3] };
const settled = {
  type: "upload:settled",
  uploadId: "u1",
  batchId: null,
  at: 5,
  attempts: 1,
  durationMs: 7,
  warnings: [],
  stages: [],
  usage: {},
};
const completed = event({ ...settled, status: "completed", upload });
const overTheWire = (sent: UploadEvent, fields?: readonly string[]) =>
  parseEvent(JSON.parse(JSON.stringify(serializeEvent(sent, { fields }))));

type Received<Type extends ReceivedEvent["type"]> = Extract<ReceivedEvent, { readonly type: Type }>;
type Outcome<Status extends string> = Extract<Received<"upload:settled">, { readonly status: Status }>;
/** The fields of a type, and whether each is always there: the compiler wants all of them here, and no other. */
type FieldsOf<T> = { readonly [Field in keyof T]-?: Record<never, never> extends Pick<T, Field> ? false : true };

const ofUpload = { type: true, uploadId: true, batchId: true, at: true } as const;
const ofBatch = { type: true, batchId: true, at: true } as const;
const ofSettled = {
  ...ofUpload,
  status: true,
  attempts: true,
  durationMs: true,
  warnings: true,
  stages: true,
  usage: true,
  error: false,
} as const;
const counts = { total: true, completed: true, failed: true, usage: true } as const;
/** What the type of a received event promises, by its type, or the status of an upload that settled. */
const FIELDS: {
  readonly [Type in Exclude<ReceivedEvent["type"], "upload:settled">]: FieldsOf<Received<Type>>;
} & { readonly [Status in Received<"upload:settled">["status"]]: FieldsOf<Outcome<Status>> } = {
  "upload:started": { ...ofUpload, upload: true, starts: true },
  "upload:progress": {
    ...ofUpload,
    progress: true,
    stage: true,
    status: true,
    attempt: true,
    fileName: true,
    fileSize: true,
    estimated: true,
    message: false,
  },
  "upload:retry": { ...ofUpload, attempt: true, maxAttempts: true, delayMs: true, error: true },
  "upload:warning": { ...ofUpload, stage: true, error: true },
  "breaker:opened": { type: true, at: true, error: true, until: true },
  "breaker:closed": { type: true, at: true },
  "batch:started": { ...ofBatch, batch: true, counts: true },
  "batch:progress": { ...ofBatch, ...counts, processed: true, percentage: true, perSecond: true, etaMs: true },
  "batch:paused": { ...ofBatch, reason: true, error: true, until: true },
  "batch:resumed": ofBatch,
  "batch:settled": {
    ...ofBatch,
    ...counts,
    status: true,
    skipped: true,
    deleted: true,
    aborted: true,
    deferred: true,
    kept: true,
    durationMs: true,
    failures: true,
    failuresOmitted: true,
    error: false,
    usageByStage: true,
  },
  completed: { ...ofSettled, upload: true },
  failed: { ...ofSettled, error: true, kept: true },
  deferred: { ...ofSettled, error: true, retryAfterMs: false, countsAsAttempt: true },
  skipped: { ...ofSettled, reason: true, retryAfterMs: false },
  deleted: ofSettled,
  aborted: { ...ofSettled, reason: false },
};

/** Everything that has to come through, with errors as their JSON. */
function essence(of: object): unknown {
  const { type, uploadId, batchId, at, status, error, warnings, failures } = of as Record<string, unknown>;
  return JSON.parse(JSON.stringify({ type, uploadId, batchId, at, status, error, warnings, failures }));
}

describe("an event over the wire", () => {
  test("keeps type, ids, time and errors, whatever the record holds", () => {
    fc.assert(
      fc.property(fc.oneof(...EVENTS), fc.array(fc.string()), (sent, fields) => {
        const received = overTheWire(event(sent), fields);
        expect(received).not.toBeNull();
        const { reason } = sent as { reason?: unknown };
        expect(essence(received ?? {})).toEqual(
          essence(UploadError.isInstance(reason) ? { ...sent, error: reason } : sent),
        );
      }),
      { numRuns: 500 },
    );
  });

  test("keeps every field that is not of a record", () => {
    const plainEvents = EVENTS.map((values) =>
      values.filter((one) => !("upload" in one || "batch" in one || "reason" in one)),
    );
    const some = [1, 2, 3, 5, 6, 8, 10, 11, 13, 15, 16].map((index) => plainEvents[index] ?? fc.constant({}));
    fc.assert(
      fc.property(fc.oneof(...some), (sent) => {
        const received = overTheWire(event(sent), ["fileName", "fileSize"]);
        expect(JSON.parse(JSON.stringify(received))).toEqual(JSON.parse(JSON.stringify(sent)));
      }),
    );
  });

  test("has every field that its type promises, and no other", () => {
    const promised = new Set(Object.keys(FIELDS));
    for (const values of EVENTS) {
      fc.assert(
        fc.property(values, (sent) => {
          const received: Record<string, unknown> = { ...overTheWire(event(sent)) };
          const { type, status } = received;
          const name = String(type === "upload:settled" ? status : type);
          promised.delete(name);
          const fields: Readonly<Record<string, boolean>> = FIELDS[name as keyof typeof FIELDS];
          const always = Object.keys(fields).filter((field) => fields[field]);
          expect(always.filter((field) => !(field in received))).toEqual([]);
          expect(Object.keys(received).filter((field) => !(field in fields))).toEqual([]);
        }),
        { numRuns: 20 },
      );
    }
    expect([...promised]).toEqual([]);
  });

  test("of a record only its id is sent, whatever the event, and what was named", () => {
    for (const values of EVENTS) {
      fc.assert(
        fc.property(values, (sent) => {
          const of = { fileName: "private.jpg", fileSize: 98_765_432_101, userId: "private", description: "private" };
          const record = { id: "u1", status: "pending", ...of };
          const whole = { ...sent, ...of, ...("upload" in sent && { upload: record }) };
          const told = JSON.parse(
            JSON.stringify(serializeEvent(event({ ...whole, ...("batch" in sent && { batch: record }) }))),
          );
          expect(told).toEqual(
            expect.objectContaining({
              ...("upload" in sent && { upload: { id: "u1" } }),
              ...("batch" in sent && { batch: { id: "u1", status: "pending" } }),
            }),
          );
          expect(JSON.stringify(told)).not.toMatch(/private|98765432101/);
        }),
        { numRuns: 5 },
      );
    }
    const progress = event({ type: "upload:progress", fileName: "cat.jpg", fileSize: 3 });
    expect(serializeEvent(progress)).toMatchObject({ fileName: null, fileSize: null });
    expect(serializeEvent(progress, { fields: ["fileName"] })).toMatchObject({ fileName: "cat.jpg", fileSize: null });
  });

  test("errors are errors again: of the event, its warnings and its failures", () => {
    const error = new UploadError("slow", { code: "RATE_LIMITED", stage: "embed", retryAfterMs: 5 });
    const failed = overTheWire(event({ ...settled, status: "failed", kept: true, error, warnings: [error] }));
    expect(failed).toMatchObject({ status: "failed", kept: true, error: { code: "RATE_LIMITED", retryAfterMs: 5 } });
    const { error: read, warnings } = failed as unknown as { error: unknown; warnings: unknown[] };
    for (const one of [read, ...warnings]) expect(one).toBeInstanceOf(UploadError);
    const misuse = event({ type: "breaker:opened", at: 1, until: 2, error: new ConfigurationError("no") });
    expect((overTheWire(misuse) as { error?: unknown }).error).toBeInstanceOf(ConfigurationError);
  });

  test("an abort tells why: an error of the library as one, anything else as a text without secrets", () => {
    const cancelled = new UploadError("cancelled", { code: "BATCH_CANCELLED" });
    const aborted = (reason: unknown) => overTheWire(event({ ...settled, status: "aborted", reason }));
    expect(aborted(cancelled)).toMatchObject({ status: "aborted", error: { code: "BATCH_CANCELLED" } });
    expect(aborted(new Error("api_key=k3y"))).toMatchObject({ status: "aborted", reason: "api_key=***" });
    for (const reason of HOSTILE_ERRORS.values()) expect(aborted(reason)).toMatchObject({ status: "aborted" });
  });

  test("is small: no description, no vector, of a record its id and what was named, not every failure", () => {
    const json = serializeEvent(completed);
    expect(json.upload).toEqual({ id: "u1" });
    expect(JSON.stringify(json)).not.toMatch(/private|embedding/);
    expect(serializeEvent(completed, { fields: ["status", "none"] }).upload).toEqual({ id: "u1", status: "completed" });
    const error = new UploadError("x".repeat(1000), { code: "EMBED_FAILED" });
    const failures = Array.from({ length: 1000 }, (_, index) => ({ uploadId: `${index}`, error }));
    const batch = event({ type: "batch:settled", batchId: "b", at: 1, failures, failuresOmitted: 5 });
    expect(serializeEvent(batch).failures).toHaveLength(10);
    expect(serializeEvent(batch).failuresOmitted).toBe(995);
    const progress = { type: "upload:progress", message: "m".repeat(1e6), fileName: "n".repeat(1e6) };
    expect(JSON.stringify(serializeEvent(event(progress), { fields: ["fileName"] })).length).toBeLessThan(2000);
  });

  test("a record's fields are told as JSON tells them", () => {
    const round: Record<string, unknown> = { a: 1 };
    round.self = round;
    const odd = {
      ...upload,
      big: 7n,
      when: new Date(0),
      never: new Date(Number.NaN),
      infinite: Infinity,
      run: () => 1,
      symbol: Symbol("s"),
      round,
      list: [1n, undefined, round],
      decimal: { toJSON: () => "1.5" },
      closed: untouchable(),
      half: withThrowingGetters({ open: 1 }, "shut"),
      endless: endlessJson(),
    };
    withThrowingGetters(odd, "shut");
    const fields = ["big", "when", "never", "infinite", "run", "symbol", "round", "list", "decimal", "closed", "half"];
    const json = serializeEvent(event({ ...settled, status: "completed", upload: odd }), {
      fields: [...fields, "shut", "endless"],
    });
    expect(json.upload).toEqual({
      id: "u1",
      big: "7",
      when: "1970-01-01T00:00:00.000Z",
      never: null,
      infinite: null,
      round: { a: 1 },
      list: ["1", null, { a: 1 }],
      decimal: "1.5",
      half: { open: 1 },
    });
  });

  test("an option that is unknown, or not what it should be, is refused", () => {
    const send = (options: unknown) => () => serializeEvent(completed, options as object);
    expect(send({ field: ["x"] })).toThrow(ConfigurationError);
    expect(send({ field: ["x"] })).toThrow("serializeEvent: options.field");
    expect(send({ field: ["x"] })).toThrow("fields");
    expect(send({ fields: "fileName" })).toThrow("serializeEvent: options.fields: expected a list");
    expect(send(null)).toThrow("serializeEvent: options: expected an object");
  });

  test("what is no event is not sent", () => {
    for (const type of ["upload:finished", "toString", undefined])
      expect(() => serializeEvent(event({ ...settled, type }))).toThrow(ConfigurationError);
    expect(() => serializeEvent(event({ ...settled, status: "lost" }))).toThrow(ConfigurationError);
  });
});

describe("parseEvent", () => {
  const good: Record<string, unknown> = serializeEvent(completed);

  test("takes an object or a JSON text", () => {
    expect(parseEvent(good)).toEqual(parseEvent(JSON.stringify(good)));
    expect(parseEvent(good)).toMatchObject({ type: "upload:settled", uploadId: "u1", upload: { id: "u1" } });
  });

  test.each<[string, unknown]>([
    ["nothing", undefined],
    ["null", null],
    ["no JSON", "{"],
    ["JSON of something else", "7"],
    ["a list", []],
    ["no version", { ...good, v: undefined }],
    ["another version", { ...good, v: 2 }],
    ["no type", { ...good, type: undefined }],
    ["another type", { ...good, type: "upload:finished" }],
    ["a type that objects have", { ...good, type: "toString" }],
    ["another status", { ...good, status: "lost" }],
    ["a failure without its error", { ...good, status: "failed", kept: false }],
    ["a bad error", { ...good, status: "failed", kept: false, error: { message: "x" } }],
    ["a bad warning", { ...good, warnings: [{ code: 7 }] }],
    ["an upload without an id", { ...good, upload: {} }],
    ["a proxy that throws", untouchable()],
    ["an inherited version", Object.create(good)],
    ...Object.keys(good).map((key): [string, unknown] => [`no ${key}`, { ...good, [key]: undefined }]),
  ])("%s: null", (_, json) => {
    expect(parseEvent(json)).toBeNull();
  });

  test("never throws", () => {
    fc.assert(fc.property(fc.anything(), (json) => void parseEvent(json)));
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom(...Object.keys(good)), fc.anything()), (json) => {
        expect([null, "upload:settled"]).toContain(parseEvent({ ...good, ...json })?.type ?? null);
      }),
    );
  });

  test("drops what it does not know: a newer sender may tell more", () => {
    expect(parseEvent({ ...good, more: 1 })).not.toHaveProperty("more");
    expect(parseEvent({ ...good, more: 1 })).not.toHaveProperty("v");
  });
});

function endlessJson(): object {
  return { toJSON: endlessJson };
}
