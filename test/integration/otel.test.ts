import { context, metrics, SpanStatusCode, type Tracer, trace } from "@opentelemetry/api";
import { describe, expect, onTestFinished, test } from "vitest";
import {
  type AIAdapter,
  BatchProcessor,
  ConfigurationError,
  createRuntime,
  defineStage,
  processUploadWithRetry,
  type UploadError,
} from "../../src/index.js";
import { telemetry } from "../../src/integrations/otel.js";
import { deferred, ids, until, untilAborted, uploadOf, worldOf } from "../support/fakes.js";
import { inSpan, memorySdk } from "../support/telemetry.js";

const quick = { retry: { minTimeout: 1, randomize: false }, thumbnail: false } as const;
const down = () => Object.assign(new Error("down"), { status: 503 });

describe("spans", () => {
  test("one for each upload, below that of the caller, and in it one for each call of a stage", async () => {
    const sdk = memorySdk();
    const world = worldOf([uploadOf("a")]);
    world.ai.describe.mockResolvedValue({ text: "words", usage: { model: "eyes", inputTokens: 7 } });
    world.ai.embed.mockRejectedValueOnce(down());
    const stages = [defineStage({ name: "scan", run: async () => {} })];
    const plugins = [telemetry(sdk.to)];
    await inSpan(sdk.tracer, "caller", () =>
      processUploadWithRetry("a", world, { ...quick, thumbnail: {}, stages, plugins }),
    );
    expect(sdk.outline()).toEqual([
      "caller",
      "  upload.process",
      ...["open", "thumbnail", "thumbnail", "scan", "describe", "embed", "embed"].map((stage) => `    upload.${stage}`),
    ]);
    const [failed, again] = sdk.spans().filter(({ name }) => name === "upload.embed");
    expect(failed?.attributes).toEqual({
      "upload_processor.upload.id": "a",
      "upload_processor.batch.id": "batch",
      "upload_processor.stage.name": "embed",
      "upload_processor.attempt": 1,
      "upload_processor.outcome": "failed",
      "error.type": "EMBED_FAILED",
    });
    expect(failed?.status).toEqual({ code: SpanStatusCode.ERROR, message: "down" });
    expect(failed?.events).toMatchObject([
      { name: "exception", attributes: { "exception.type": "EMBED_FAILED", "exception.message": "down" } },
    ]);
    expect(again?.attributes).toMatchObject({ "upload_processor.attempt": 2, "upload_processor.outcome": "ok" });
    expect(again?.status).toEqual({ code: SpanStatusCode.UNSET });
    const upload = sdk.spans().find(({ name }) => name === "upload.process");
    expect(upload?.attributes).toEqual({
      "upload_processor.upload.id": "a",
      "upload_processor.batch.id": "batch",
      "upload_processor.outcome": "completed",
      "upload_processor.upload.retries": 1,
      "upload_processor.upload.kept": false,
      "upload_processor.model.name": "eyes",
    });
    expect(upload?.status).toEqual({ code: SpanStatusCode.UNSET });
  });

  test("what an adapter traces is below its call, also when the call waited for its slot", async () => {
    const sdk = memorySdk();
    const world = worldOf(ids(4));
    world.ai.describe.mockImplementation(({ upload }) =>
      inSpan(sdk.tracer, `model of ${upload.id}`, async () => `A photo of ${upload.id}`),
    );
    const runtime = createRuntime({ limits: { describe: 1 } });
    const processor = new BatchProcessor({ ...world, ...quick, runtime, concurrency: 4, plugins: [telemetry(sdk.to)] });
    onTestFinished(() => processor.close());
    await inSpan(sdk.tracer, "caller", () => processor.process("batch"));
    const spans = sdk.spans();
    const byId = new Map(spans.map((span) => [span.spanContext().spanId, span]));
    const models = spans.filter(({ name }) => name.startsWith("model of "));
    expect(models).toHaveLength(4);
    for (const model of models) {
      const call = byId.get(model.parentSpanContext?.spanId ?? "");
      const upload = byId.get(call?.parentSpanContext?.spanId ?? "");
      expect(call?.name).toBe("upload.describe");
      expect(upload?.attributes["upload_processor.upload.id"]).toBe(model.name.slice("model of ".length));
      expect(byId.get(upload?.parentSpanContext?.spanId ?? "")?.name).toBe("caller");
    }
  });

  test("an upload that failed has the reason, and the exception is recorded where it happened", async () => {
    const sdk = memorySdk();
    const world = worldOf([uploadOf("a"), uploadOf("poison", { starts: 9 })]);
    world.ai.describe.mockRejectedValue(Object.assign(new Error("refused"), { status: 400 }));
    const plugins = [telemetry(sdk.to)];
    await processUploadWithRetry("a", world, { ...quick, plugins });
    await processUploadWithRetry("poison", world, { ...quick, plugins });
    const told = sdk.spans().map(({ name, attributes, status, events }) => {
      return [name, attributes["error.type"], status.message, events.length];
    });
    expect(told).toEqual([
      ["upload.open", undefined, undefined, 0],
      ["upload.describe", "DESCRIBE_FAILED", "refused", 1],
      ["upload.process", "DESCRIBE_FAILED", "refused", 0],
      ["upload.process", "QUARANTINED", expect.stringContaining("never settled"), 1],
    ]);
  });

  test("an answer that is not accepted is a call that failed; one that was stopped is none", async () => {
    const sdk = memorySdk();
    const world = worldOf([uploadOf("a"), uploadOf("b")]);
    const plugins = [telemetry(sdk.to)];
    world.ai.describe.mockResolvedValueOnce(" ");
    await processUploadWithRetry("a", world, { ...quick, plugins });
    const calls = () => sdk.spans().filter(({ name }) => name === "upload.describe");
    expect(calls()[0]?.attributes).toMatchObject({ "error.type": "EMPTY_DESCRIPTION" });
    const controller = new AbortController();
    world.ai.describe.mockImplementationOnce(async (_, { signal }) => {
      controller.abort();
      return untilAborted(signal);
    });
    await processUploadWithRetry("b", world, { ...quick, plugins, signal: controller.signal });
    const [stopped, upload] = sdk.spans().slice(-2);
    for (const span of [stopped, upload]) {
      expect(span?.attributes).toMatchObject({ "upload_processor.outcome": "aborted" });
      expect(span?.attributes).not.toHaveProperty("error.type");
      expect(span?.status.code).toBe(SpanStatusCode.UNSET);
    }
  });

  test("a redo that failed tells that the old result was kept", async () => {
    const sdk = memorySdk();
    const world = worldOf([uploadOf("a")]);
    await processUploadWithRetry("a", world, quick);
    world.ai.describe.mockRejectedValueOnce(Object.assign(new Error("refused"), { status: 400 }));
    await processUploadWithRetry("a", world, { ...quick, rerun: "reprocess-all", plugins: [telemetry(sdk.to)] });
    const upload = sdk.spans().find(({ name }) => name === "upload.process");
    expect(upload?.attributes).toMatchObject({
      "upload_processor.outcome": "failed",
      "upload_processor.upload.kept": true,
    });
  });

  test("a run over a batch has one, below that of the caller; its uploads are linked to it", async () => {
    const sdk = memorySdk();
    const world = worldOf(ids(3));
    world.ai.describe.mockRejectedValueOnce(Object.assign(new Error("refused"), { status: 400 }));
    const processor = new BatchProcessor({ ...world, ...quick, plugins: [telemetry(sdk.to)] });
    await inSpan(sdk.tracer, "caller", () => processor.process("batch"));
    const batch = sdk.spans().find(({ name }) => name === "upload.batch");
    expect(batch?.attributes).toEqual({
      "upload_processor.batch.id": "batch",
      "upload_processor.outcome": "completed",
      "upload_processor.batch.total": 3,
      "upload_processor.batch.completed": 2,
      "upload_processor.batch.failed": 1,
    });
    const caller = sdk.spans().find(({ name }) => name === "caller");
    expect(batch?.parentSpanContext?.spanId).toBe(caller?.spanContext().spanId);
    const uploads = sdk.spans().filter(({ name }) => name === "upload.process");
    expect(uploads.map(({ links }) => links.map((link) => link.context.spanId))).toEqual(
      Array(3).fill([batch?.spanContext().spanId]),
    );
    await processor.processUploads(["u0000"], { label: "again" });
    expect(sdk.spans().at(-1)?.attributes).toMatchObject({ "upload_processor.batch.id": "again" });
    await processor.close();
  });

  test("runs over one batch at the same time share a span, which ends with the last of them", async () => {
    const sdk = memorySdk();
    const world = worldOf(ids(2));
    const gates = [deferred(), deferred()];
    world.ai.describe.mockImplementation(async ({ upload }) => {
      await gates[Number(upload.id.slice(1))]?.promise;
      return "words";
    });
    const processor = new BatchProcessor({ ...world, ...quick, plugins: [telemetry(sdk.to)] });
    onTestFinished(() => processor.close());
    const runs = ["u0000", "u0001"].map((id) => processor.processUploads([id], { label: "both" }));
    await until(() => world.ai.describe.mock.calls.length === 2);
    gates[0]?.resolve();
    await runs[0];
    expect(sdk.spans().filter(({ name }) => name === "upload.batch")).toHaveLength(0);
    gates[1]?.resolve();
    await runs[1];
    expect(sdk.spans().filter(({ name }) => name === "upload.batch")).toHaveLength(1);
  });
});

describe("metrics", () => {
  test("uploads, calls and retries by outcome and reason; requests, tokens and cost are those of the ledger", async () => {
    const sdk = memorySdk();
    const world = worldOf(ids(3));
    const ai: AIAdapter = { ...world.ai, price: ({ inputTokens = 0 }) => inputTokens / 1000 };
    world.ai.describe.mockResolvedValue({
      text: "words",
      usage: { model: "eyes", inputTokens: 700, outputTokens: 30 },
    });
    world.ai.describe.mockRejectedValueOnce(
      Object.assign(new Error("refused"), { status: 400, usage: { inputTokens: 100 } }),
    );
    world.ai.embed.mockResolvedValue({ vector: [1, 2, 3], usage: { totalTokens: 5 } });
    world.ai.embed.mockRejectedValueOnce(down());
    const processor = new BatchProcessor({ ...world, ai, ...quick, concurrency: 1, plugins: [telemetry(sdk.to)] });
    const { usage } = await processor.process("batch");
    expect(await sdk.points("upload_processor.upload.duration")).toEqual({
      "outcome=completed": 2,
      "type=DESCRIBE_FAILED outcome=failed": 1,
    });
    expect(await sdk.points("upload_processor.upload.retries")).toEqual({ "type=EMBED_FAILED name=embed": 1 });
    expect(await sdk.points("upload_processor.stage.duration")).toEqual({
      "outcome=ok name=open": 3,
      "outcome=ok name=describe": 2,
      "type=DESCRIBE_FAILED outcome=failed name=describe": 1,
      "outcome=ok name=embed": 2,
      "type=EMBED_FAILED outcome=failed name=embed": 1,
    });
    const requests = await sdk.points("upload_processor.model.requests");
    expect(requests).toEqual({ "name=describe": 1, "name=eyes name=describe": 2, "name=embed": 3 });
    expect(sum(requests)).toBe(usage.requests);
    expect(await sdk.points("upload_processor.model.tokens")).toEqual({
      "name=describe type=input": 100,
      "name=eyes name=describe type=input": 1400,
      "name=eyes name=describe type=output": 60,
      "name=embed type=total": 10,
    });
    expect(sum(await sdk.points("upload_processor.model.cost"))).toBeCloseTo(usage.cost ?? Number.NaN, 10);
    expect(await sdk.points("upload_processor.upload.active")).toEqual({ "": 0 });
    await processor.close();
  });

  test("an attempt that failed in an engine, to be followed by its next delivery, is a retry; one that is not counted is none", async () => {
    const sdk = memorySdk();
    const world = worldOf([uploadOf("a")]);
    const deliver = (number: number) =>
      processUploadWithRetry("a", world, { ...quick, attempt: { number, max: 3 }, plugins: [telemetry(sdk.to)] });
    world.ai.embed.mockRejectedValueOnce(new Error("boom"));
    expect(await deliver(1)).toMatchObject({ status: "deferred", countsAsAttempt: true });
    world.ai.embed.mockRejectedValueOnce(Object.assign(new Error("busy"), { status: 429, retryAfterMs: 600_000 }));
    expect(await deliver(2)).toMatchObject({ status: "deferred", countsAsAttempt: false });
    const runtime = createRuntime();
    const plugins = [telemetry(sdk.to)];
    const last = await processUploadWithRetry("a", world, {
      ...quick,
      runtime,
      attempt: { number: 2, max: 3 },
      plugins,
    });
    expect(last.status).toBe("completed");
    expect(await sdk.points("upload_processor.upload.retries")).toEqual({ "type=EMBED_FAILED name=embed": 1 });
  });

  test("what goes to the same place is told once, however often the plugin is there; elsewhere it is told, too", async () => {
    const [sdk, other] = [memorySdk(), memorySdk()];
    const world = worldOf(ids(2));
    world.ai.embed.mockRejectedValueOnce(down());
    const [one, two] = [telemetry(sdk.to), telemetry(sdk.to)];
    const plugins = [one, one, two, telemetry({ tracer: sdk.tracer, meter: other.meter })];
    const processor = new BatchProcessor({ ...world, ...quick, concurrency: 1, plugins });
    onTestFinished(() => processor.close());
    await processor.process("batch");
    const embeds = ["embed", "embed", "describe", "open"].map((stage) => `  upload.${stage}`).toReversed();
    expect(sdk.outline()).toEqual([
      "upload.batch",
      "upload.process",
      ...embeds,
      ...["upload.process", "  upload.open", "  upload.describe", "  upload.embed"],
    ]);
    expect(sdk.spans().find(({ name }) => name === "upload.process")?.attributes).toMatchObject({
      "upload_processor.upload.retries": 1,
    });
    for (const { points } of [sdk, other]) {
      expect(await points("upload_processor.upload.duration")).toEqual({ "outcome=completed": 2 });
      expect(await points("upload_processor.upload.retries")).toEqual({ "type=EMBED_FAILED name=embed": 1 });
      expect(await points("upload_processor.model.requests")).toEqual({ "name=describe": 2, "name=embed": 3 });
      expect(await points("upload_processor.upload.active")).toEqual({ "": 0 });
    }
  });

  test("uploads in work, and calls that wait for a slot of their stage", async () => {
    const sdk = memorySdk();
    const world = worldOf(ids(3));
    const gate = deferred();
    world.ai.describe.mockImplementation(async () => {
      await gate.promise;
      return "words";
    });
    const runtime = createRuntime({ limits: { describe: 1 } });
    const processor = new BatchProcessor({ ...world, ...quick, runtime, plugins: [telemetry(sdk.to)] });
    const running = processor.process("batch");
    await until(() => processor.health().waiting === 2);
    expect(processor.health().waitingByStage).toMatchObject({ describe: 2, embed: 0 });
    expect(await sdk.points("upload_processor.upload.active")).toEqual({ "": 3 });
    expect(await sdk.points("upload_processor.stage.waiting")).toMatchObject({ "name=describe": 2, "name=embed": 0 });
    gate.resolve();
    await running;
    expect(await sdk.points("upload_processor.upload.active")).toEqual({ "": 0 });
    expect(await sdk.points("upload_processor.stage.waiting")).toMatchObject({ "name=describe": 0 });
    await processor.close();
  });

  test("the state of the breaker of each runtime, counted once however often it is attached; nothing after close", async () => {
    const sdk = memorySdk();
    const world = worldOf(ids(1));
    const runtime = createRuntime({ breaker: { threshold: 1 } });
    const processors = [telemetry(sdk.to), telemetry(sdk.to)].map(
      (plugin) => new BatchProcessor({ ...world, ...quick, runtime, plugins: [plugin] }),
    );
    const other = new BatchProcessor({ ...worldOf([]), ...quick, plugins: [telemetry(sdk.to)] });
    const breakers = () => sdk.points("upload_processor.breaker.count");
    expect(await breakers()).toEqual({ "state=closed": 2, "state=open": 0, "state=probing": 0 });
    world.ai.describe.mockRejectedValue(down());
    await processUploadWithRetry("u0000", world, { ...quick, runtime });
    expect(await breakers()).toEqual({ "state=closed": 1, "state=open": 1, "state=probing": 0 });
    await processors[0]?.close();
    expect(await breakers()).toEqual({ "state=closed": 1, "state=open": 1, "state=probing": 0 });
    await processors[1]?.close();
    expect(await breakers()).toEqual({ "state=closed": 1, "state=open": 0, "state=probing": 0 });
    await other.close();
    const none = { "state=closed": 0, "state=open": 0, "state=probing": 0 };
    expect(await breakers()).toEqual(none);
    expect(await breakers()).toEqual(none);
  });
});

describe("global providers", () => {
  test("an SDK that is registered after the processor was made is found", async () => {
    const processor = new BatchProcessor({ ...worldOf(ids(1)), ...quick, plugins: [telemetry()] });
    const sdk = memorySdk();
    onTestFinished(() => [trace, metrics].forEach((api) => void api.disable()));
    trace.setGlobalTracerProvider(sdk.tracers);
    metrics.setGlobalMeterProvider(sdk.meters);
    await processor.process("batch");
    expect(sdk.outline()).toEqual([
      "upload.batch",
      ...["upload.process", "  upload.open", "  upload.describe", "  upload.embed"],
    ]);
    expect(new Set(sdk.spans().map(({ instrumentationScope }) => instrumentationScope.name))).toEqual(
      new Set(["upload-processor"]),
    );
    expect(await sdk.points("upload_processor.upload.duration")).toEqual({ "outcome=completed": 1 });
    expect(await sdk.points("upload_processor.breaker.count")).toMatchObject({ "state=closed": 1 });
    await processor.close();
    expect(await sdk.points("upload_processor.breaker.count")).toMatchObject({ "state=closed": 0 });
  });

  test("of a trace that is not sampled, what an adapter traces is not sampled either", async () => {
    const sdk = memorySdk();
    const world = worldOf([uploadOf("a")]);
    const unsampled = { traceId: "1".repeat(32), spanId: "2".repeat(16), traceFlags: 0 };
    world.ai.describe.mockImplementation(() => inSpan(sdk.tracer, "model", async () => "words"));
    await context.with(trace.setSpanContext(context.active(), unsampled), () =>
      processUploadWithRetry("a", world, { ...quick, plugins: [telemetry(sdk.to)] }),
    );
    expect(world.ai.describe).toHaveBeenCalledTimes(1);
    expect(sdk.spans()).toEqual([]);
  });
});

describe("what is broken", () => {
  const boom = () => {
    throw new Error("my tracer broke");
  };
  const spanThat = (broken: string) =>
    new Proxy(trace.wrapSpanContext({ traceId: "1".repeat(32), spanId: "2".repeat(16), traceFlags: 1 }), {
      get: (span, name) => (name === broken ? boom : Reflect.get(span, name).bind(span)),
    });
  const TRACERS: Readonly<Record<string, Tracer["startSpan"]>> = {
    "cannot start a span": boom,
    "cannot end one": () => spanThat("end"),
    "cannot set an attribute": () => spanThat("setAttribute"),
    "starts nothing": () => undefined as never,
  };
  test.each(Object.entries(TRACERS))("a tracer that %s: the upload is done, with warnings", async (_, startSpan) => {
    const sdk = memorySdk();
    const world = worldOf(ids(2));
    const tracer = { startSpan, startActiveSpan: boom };
    const processor = new BatchProcessor({ ...world, ...quick, plugins: [telemetry({ tracer, meter: sdk.meter })] });
    const warnings: UploadError[] = [];
    processor.on("upload:warning", ({ error }) => void warnings.push(error));
    expect(await processor.process("batch")).toMatchObject({ status: "completed", completed: 2 });
    expect(world.ai.describe).toHaveBeenCalledTimes(2);
    expect(new Set(warnings.map(({ code }) => code))).toEqual(new Set(["LISTENER_FAILED"]));
    expect(await sdk.points("upload_processor.upload.active")).toEqual({ "": 0 });
    await processor.close();
  });

  test.each([
    [{ traicer: 1 }, "telemetry.traicer: unknown; known are tracer, meter"],
    [{ tracer: {} }, "telemetry.tracer.startSpan: expected a function"],
    [{ meter: 5 }, "telemetry.meter: expected an object"],
    [null, "expected an object"],
  ])("%j is refused", (options, message) => {
    expect(() => telemetry(options as never)).toThrow(ConfigurationError);
    expect(() => telemetry(options as never)).toThrow(message);
  });
});

function sum(points: Readonly<Record<string, number>>): number {
  return Object.values(points).reduce((total, value) => total + value, 0);
}
