import { describe, expectTypeOf, test } from "vitest";
import {
  type BatchPausedEvent,
  BatchProcessor,
  type BatchProgressEvent,
  type BatchSettledEvent,
  type BatchStartedEvent,
  processUploadWithRetry,
  UploadEventEmitter,
  type UploadEventName,
  type UploadEventPayloads,
  type UploadProgressEvent,
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
  "batch:resumed": BatchPausedEvent;
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
    const settle = async (event: UploadSettledEvent<Photo>) => event.result;
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

  test("narrow a settled upload by its status", () => {
    processor.on("upload:settled", (event) => {
      expectTypeOf(event.batchId).toEqualTypeOf<string | null>();
      if (event.status === "completed") expectTypeOf(event.upload).toEqualTypeOf<Photo>();
      if (event.status === "failed") expectTypeOf(event.error.code).toExtend<string>();
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
