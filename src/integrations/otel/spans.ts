import { type Attributes, context, isSpanContextValid, type Span, type Tracer, trace } from "@opentelemetry/api";
import type { UploadError, UploadEventPayloads, WorkOutcome, WorkScope } from "../../index.js";
import type { BatchSpans } from "./batch-spans.js";
import { endSpan } from "./end-span.js";
import { ATTRIBUTES } from "./names.js";
import { tracerOf } from "./tracer-of.js";

/** A span for each upload, below the span of its caller, and below it one for each call of a stage. */
export class Spans {
  /** By upload, of those whose span is open. */
  readonly #retries = new Map<string, number>();

  constructor(
    private readonly tracer: Tracer | undefined,
    private readonly batches: BatchSpans,
    private readonly recorded: WeakSet<UploadError>,
  ) {}

  /** Whether anybody takes spans. */
  get areTaken(): boolean {
    return tracerOf(this.tracer) !== undefined;
  }

  /** Runs the work with its span as the active one, so that what an adapter traces is below it. */
  around(scope: WorkScope, run: () => Promise<WorkOutcome>): Promise<WorkOutcome> {
    const tracer = tracerOf(this.tracer);
    if (tracer === undefined) return run();
    const parent = context.active();
    const links = scope.kind === "upload" ? this.batches.linksTo(scope.batchId) : [];
    const span = tracer.startSpan(nameOf(scope), { attributes: attributesOf(scope), links }, parent);
    // Of a trace that is not sampled the context is handed on all the same; a tracer that does nothing has none.
    if (!span.isRecording() && !isSpanContextValid(span.spanContext())) return run();
    if (scope.kind === "upload") this.#retries.set(scope.uploadId, 0);
    return context.with(trace.setSpan(parent, span), run).then((outcome) => this.#end(scope, span, outcome));
  }

  retried({ uploadId }: UploadEventPayloads["upload:retry"]): void {
    const retries = this.#retries.get(uploadId);
    if (retries !== undefined) this.#retries.set(uploadId, retries + 1);
  }

  #end(scope: WorkScope, span: Span, outcome: WorkOutcome): WorkOutcome {
    const { error, usage, kept } = outcome;
    span.setAttribute(ATTRIBUTES.outcome, outcome.outcome);
    if (usage?.model !== undefined) span.setAttribute(ATTRIBUTES.model, usage.model);
    if (scope.kind === "upload") {
      span.setAttribute(ATTRIBUTES.retries, this.#retries.get(scope.uploadId) ?? 0);
      span.setAttribute(ATTRIBUTES.kept, kept === true);
      this.#retries.delete(scope.uploadId);
    }
    endSpan(span, error, this.recorded);
    return outcome;
  }
}

function nameOf(scope: WorkScope): string {
  return scope.kind === "upload" ? "upload.process" : `upload.${scope.stage}`;
}

function attributesOf(scope: WorkScope): Attributes {
  const attributes: Attributes = { [ATTRIBUTES.uploadId]: scope.uploadId };
  if (scope.batchId !== null) attributes[ATTRIBUTES.batchId] = scope.batchId;
  if (scope.kind === "stage") {
    attributes[ATTRIBUTES.stage] = scope.stage;
    attributes[ATTRIBUTES.attempt] = scope.attempt;
  }
  return attributes;
}
