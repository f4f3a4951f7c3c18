import { describe, expectTypeOf, test } from "vitest";
import {
  type BatchPausedEvent,
  BatchProcessor,
  type BatchProgressEvent,
  type BatchResult,
  type BatchResumedEvent,
  type BatchSettledEvent,
  type BatchStartedEvent,
  type BreakerClosedEvent,
  type BreakerOpenedEvent,
  processUploadWithRetry,
  type UploadError,
  type UploadEvent,
  UploadEventEmitter,
  type UploadEventName,
  type UploadEventPayloads,
  type UploadProgressEvent,
  type UploadRecord,
  type UploadResult,
  type UploadRetryEvent,
  type UploadSettledEvent,
  type UploadStartedEvent,
  type UploadWarningEvent,
} from "../../src/index.js";
import { ai, type Photo, repository, storage } from "./fixtures.js";

/** What listeners get, written out once more: the map itself would only be compared with itself. */
interface Expected {
  "upload:started": UploadStartedEvent<Photo>;
  "upload:progress": UploadProgressEvent;
  "upload:retry": UploadRetryEvent;
  "upload:warning": UploadWarningEvent;
  "upload:settled": UploadSettledEvent<Photo>;
  "batch:started": BatchStartedEvent;
  "batch:progress": BatchProgressEvent;
  "batch:paused": BatchPausedEvent;
  "breaker:opened": BreakerOpenedEvent;
  "breaker:closed": BreakerClosedEvent;
  "batch:resumed": BatchResumedEvent;
  "batch:settled": BatchSettledEvent;
}

const processor = new BatchProcessor({ storage, ai, repository });
const emitter = new UploadEventEmitter<Photo>();

describe.each([processor, emitter])("%s", (source) => {
  test("has these events and no others", () => {
    expectTypeOf<UploadEventName>().toEqualTypeOf<keyof Expected>();
    expectTypeOf<UploadEventPayloads<Photo>>().toEqualTypeOf<Expected>();
    // @ts-expect-error a name that does not exist
    source.on("upload:done", () => {});
    // @ts-expect-error a name that does not exist
    source.once("progress", () => {});
    // @ts-expect-error a name that does not exist
    source.off("error");
  });
});

describe("listeners", () => {
  test("get exactly the payload of their event", () => {
    emitter.on("upload:started", (event) => expectTypeOf(event).toEqualTypeOf<Expected["upload:started"]>());
    emitter.on("upload:progress", (event) => expectTypeOf(event).toEqualTypeOf<Expected["upload:progress"]>());
    emitter.on("upload:retry", (event) => expectTypeOf(event).toEqualTypeOf<Expected["upload:retry"]>());
    emitter.on("upload:warning", (event) => expectTypeOf(event).toEqualTypeOf<Expected["upload:warning"]>());
    emitter.on("upload:settled", (event) => expectTypeOf(event).toEqualTypeOf<Expected["upload:settled"]>());
    processor.on("upload:started", (event) => expectTypeOf(event).toEqualTypeOf<Expected["upload:started"]>());
    processor.on("upload:settled", (event) => expectTypeOf(event).toEqualTypeOf<Expected["upload:settled"]>());
    processor.on("batch:started", (event) => expectTypeOf(event).toEqualTypeOf<Expected["batch:started"]>());
    processor.on("batch:progress", (event) => expectTypeOf(event).toEqualTypeOf<Expected["batch:progress"]>());
    processor.on("batch:paused", (event) => expectTypeOf(event).toEqualTypeOf<Expected["batch:paused"]>());
    processor.on("batch:resumed", (event) => expectTypeOf(event).toEqualTypeOf<Expected["batch:resumed"]>());
    processor.on("batch:settled", (event) => expectTypeOf(event).toEqualTypeOf<Expected["batch:settled"]>());
  });

  test("in every way to add one", () => {
    processor.once("upload:settled", (event) => expectTypeOf(event).toEqualTypeOf<Expected["upload:settled"]>());
    processor.addListener("upload:retry", (event) => expectTypeOf(event).toEqualTypeOf<Expected["upload:retry"]>());
    expectTypeOf(processor.on("upload:retry", () => {})).toEqualTypeOf<BatchProcessor<Photo>>();
    expectTypeOf(emitter.once("upload:retry", () => {})).toEqualTypeOf<UploadEventEmitter<Photo>>();
  });

  test("can be declared apart", () => {
    const print = ({ uploadId, progress }: UploadProgressEvent) => console.log(uploadId, progress);
    const settle = async (event: UploadSettledEvent<Photo>): Promise<UploadResult<Photo>> => event;
    processor.on("upload:progress", print).on("upload:settled", settle).off("upload:progress", print);
    // @ts-expect-error the payload of another event
    processor.on("upload:retry", print);
    // @ts-expect-error for records that have more than the processor's
    processor.on("upload:started", (event: UploadStartedEvent<Photo & { readonly camera: string }>) => event.upload);
  });

  test("are added by helpers that take an emitter for any record", () => {
    const watch = (source: UploadEventEmitter) => source.on("upload:started", ({ upload }) => upload.id);
    watch(emitter);
    watch(processor);
    processUploadWithRetry("1", { storage, ai, repository }, { events: new UploadEventEmitter() });
    processUploadWithRetry("1", { storage, ai, repository }, { events: emitter });
  });

  test("of other records are refused", () => {
    const others = new UploadEventEmitter<UploadRecord & { readonly secret: number }>();
    // @ts-expect-error its listeners would get records without what they read
    processUploadWithRetry("1", { storage, ai, repository }, { events: others });
    // @ts-expect-error likewise
    const photos: UploadEventEmitter<Photo> = others;
    // @ts-expect-error likewise, of a processor
    const secrets: typeof others = processor;
    const any: UploadEventEmitter = others;
    const events = new UploadEventEmitter();
    events.on("upload:started", ({ upload }) => expectTypeOf(upload).toEqualTypeOf<UploadRecord>());
    processUploadWithRetry("1", { storage, ai, repository }, { events });
    return { photos, secrets, any };
  });

  test("narrow a settled upload by its status", () => {
    processor.on("upload:settled", (event) => {
      expectTypeOf(event.batchId).toEqualTypeOf<string | null>();
      if (event.status === "completed") expectTypeOf(event.upload).toEqualTypeOf<Photo>();
      if (event.status === "failed") expectTypeOf(event.error).toEqualTypeOf<UploadError>();
      if (event.status === "deferred") expectTypeOf(event.countsAsAttempt).toEqualTypeOf<boolean>();
      // @ts-expect-error the event is the result
      event.result;
      // @ts-expect-error it may have failed
      event.upload;
    });
  });

  test("cannot change what the others get", () => {
    processor.on("upload:progress", (event) => {
      // @ts-expect-error read only
      event.progress = 100;
    });
  });
});

describe("any event", () => {
  test("is narrowed by its type", () => {
    const tell = (event: UploadEvent<Photo>): string => {
      expectTypeOf(event.at).toEqualTypeOf<number>();
      switch (event.type) {
        case "upload:started":
          expectTypeOf(event).toEqualTypeOf<UploadStartedEvent<Photo>>();
          return event.upload.album;
        case "upload:settled":
          expectTypeOf(event).toEqualTypeOf<UploadSettledEvent<Photo>>();
          return event.status === "completed" ? event.upload.album : event.status;
        case "upload:progress":
        case "upload:retry":
        case "upload:warning":
          expectTypeOf(event.uploadId).toEqualTypeOf<string>();
          return event.uploadId;
        case "breaker:opened":
          expectTypeOf(event.until).toEqualTypeOf<number>();
          // @ts-expect-error it belongs to no upload
          event.uploadId;
          return event.error.code;
        case "breaker:closed":
          return "closed";
        case "batch:paused":
          expectTypeOf(event.reason).toEqualTypeOf<"pause" | "service" | "account" | "repository">();
          expectTypeOf(event.until).toEqualTypeOf<number | null>();
          return event.error?.code ?? event.reason;
        case "batch:started":
        case "batch:progress":
        case "batch:resumed":
        case "batch:settled":
          expectTypeOf(event.batchId).toEqualTypeOf<string | null>();
          return event.batchId ?? "none";
      }
    };
    for (const name of ["upload:started", "upload:settled", "batch:paused"] as const) processor.on(name, tell);
    expectTypeOf<UploadEvent["type"]>().toEqualTypeOf<UploadEventName>();
  });

  test("of a batch that has settled is its result", () => {
    processor.on("batch:settled", (event) => expectTypeOf(event).toExtend<BatchResult>());
  });
});
