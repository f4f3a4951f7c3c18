import { type Tracer, trace } from "@opentelemetry/api";
import { SCOPE } from "./names.js";

/**
 * Asked for anew each time: an SDK that is registered later, through another copy of the API (CommonJS beside ESM), is not told to a
 * tracer that was handed out before.
 */
export function tracerOf(given: Tracer | undefined): Tracer {
  return given ?? trace.getTracer(SCOPE);
}
