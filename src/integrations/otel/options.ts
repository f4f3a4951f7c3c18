import { requireMethods, requireOptions } from "../check.js";
import type { TelemetryOptions } from "../otel.js";

/** @throws ConfigurationError */
export function checkOptions(options: TelemetryOptions): void {
  requireOptions("telemetry", options, ["tracer", "meter"]);
  const { tracer, meter } = options;
  if (tracer !== undefined) requireMethods("telemetry.tracer", tracer, ["startSpan"]);
  if (meter !== undefined) requireMethods("telemetry.meter", meter, ["createHistogram"]);
}
