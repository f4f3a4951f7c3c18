import type { Link, Span, Tracer } from "@opentelemetry/api";
import type { UploadError, UploadEventPayloads } from "../../index.js";
import { endSpan } from "./end-span.js";
import { ATTRIBUTES } from "./names.js";
import { tracerOf } from "./tracer-of.js";

interface OpenSpan {
  readonly span: Span;
  /** Runs over the same batch at the same time cannot be told apart: they share a span. */
  runs: number;
}

/**
 * A span for each run that has a batch or a label. The uploads are no children of it: a trace of a million spans is of no use.
 * They are linked to it, so each can be a trace of its own, sampled by itself.
 */
export class BatchSpans {
  readonly #open = new Map<string, OpenSpan>();

  constructor(
    private readonly tracer: Tracer | undefined,
    private readonly recorded: WeakSet<UploadError>,
  ) {}

  linksTo(batchId: string | null): Link[] {
    const open = batchId === null ? undefined : this.#open.get(batchId);
    return open === undefined ? [] : [{ context: open.span.spanContext() }];
  }

  started({ batchId }: UploadEventPayloads["batch:started"]): void {
    if (batchId === null) return;
    const open = this.#open.get(batchId);
    if (open !== undefined) open.runs++;
    else {
      const span = tracerOf(this.tracer)?.startSpan("upload.batch", { attributes: { [ATTRIBUTES.batchId]: batchId } });
      if (span !== undefined) this.#open.set(batchId, { span, runs: 1 });
    }
  }

  settled({ batchId, status, total, completed, failed, error }: UploadEventPayloads["batch:settled"]): void {
    const open = batchId === null ? undefined : this.#open.get(batchId);
    if (batchId === null || open === undefined || --open.runs > 0) return;
    this.#open.delete(batchId);
    const { span } = open;
    span.setAttribute(ATTRIBUTES.outcome, status);
    if (total !== null) span.setAttribute(ATTRIBUTES.batchTotal, total);
    span.setAttribute(ATTRIBUTES.batchCompleted, completed);
    span.setAttribute(ATTRIBUTES.batchFailed, failed);
    endSpan(span, error, this.recorded);
  }

  /** Nobody will tell of their end any more. */
  endAll(): void {
    for (const { span } of this.#open.values()) span.end();
    this.#open.clear();
  }
}
