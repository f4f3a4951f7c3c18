import { ConfigurationError } from "../../index.js";
import type { TelemetryOptions } from "../otel.js";

/** What each option must be able to do. */
const METHODS: Readonly<Record<keyof TelemetryOptions, string>> = { tracer: "startSpan", meter: "createHistogram" };

/** @throws ConfigurationError */
export function requireOptions(options: TelemetryOptions): void {
  if (typeof options !== "object" || options === null)
    throw new ConfigurationError(`telemetry: expected an object with options, got ${String(options)}`);
  for (const [name, value] of Object.entries(options)) {
    const method = Object.hasOwn(METHODS, name) ? METHODS[name as keyof TelemetryOptions] : undefined;
    if (method === undefined)
      throw new ConfigurationError(`telemetry: there is no option ${JSON.stringify(name)}, only tracer and meter`);
    if (value !== undefined && typeof value?.[method] !== "function")
      throw new ConfigurationError(
        `telemetry: ${name}: expected a ${name} of OpenTelemetry, with the method ${method}; leave it out for the global one`,
      );
  }
}
