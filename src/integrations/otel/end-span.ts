import { type Span, SpanStatusCode } from "@opentelemetry/api";
import type { UploadError } from "../../index.js";
import { ATTRIBUTES } from "./names.js";

/**
 * Ends a span, with what went wrong, if anything did.
 *
 * @param recorded errors that a span below has recorded: an exception belongs to the span in which it happened, and to no other
 */
export function endSpan(span: Span, error: UploadError | undefined, recorded: WeakSet<UploadError>): void {
  if (error !== undefined) {
    span.setAttribute(ATTRIBUTES.errorType, error.code);
    span.setStatus({ code: SpanStatusCode.ERROR, message: error.message });
    if (!recorded.has(error)) span.recordException(error);
    recorded.add(error);
  }
  span.end();
}
