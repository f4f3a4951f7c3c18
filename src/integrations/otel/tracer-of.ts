import { ProxyTracerProvider, type Tracer, trace } from "@opentelemetry/api";
import { SCOPE } from "./names.js";

/**
 * Asked for anew each time: an SDK that is registered later, through another copy of the API (CommonJS beside ESM), is not told to a
 * tracer that was handed out before.
 *
 * @returns `undefined` as long as no SDK is registered
 */
export function tracerOf(given: Tracer | undefined): Tracer | undefined {
  if (given !== undefined) return given;
  const provider = trace.getTracerProvider();
  return provider instanceof ProxyTracerProvider ? provider.getDelegateTracer(SCOPE) : provider.getTracer(SCOPE);
}
