import type { AIAdapter } from "../contracts/ai.js";
import { count, requireKnown, requireMembers } from "../validate.js";

/**
 * Checks what an AI adapter wishes for. The default runtime goes by the identity of this object, so anything else than one
 * could not even be looked up.
 *
 * @throws ConfigurationError
 */
export function requireConcurrency(concurrency: AIAdapter["concurrency"]): void {
  if (concurrency === undefined) return;
  const name = "adapters.ai.concurrency";
  requireMembers(name, concurrency, []);
  requireKnown(name, concurrency, ["describe", "embed"]);
  for (const stage of ["describe", "embed"] as const) {
    const slots = concurrency[stage];
    if (slots !== Number.POSITIVE_INFINITY) count(`${name}.${stage}`, slots, 1);
  }
}
