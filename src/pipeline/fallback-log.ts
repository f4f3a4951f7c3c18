import type { Logger } from "../contracts/logger.js";
import type { UploadRecord } from "../contracts/upload.js";
import { isFault } from "../errors.js";
import { type Model, nameOf } from "./chain.js";
import type { FallbackCause } from "./fallback-cause.js";
import type { Settings } from "./settings.js";

/**
 * Tells that the next model of a chain is asked for an upload. Where the one before it is down or missing, that is so for every
 * upload, and was told once.
 */
export function fellBack<U extends UploadRecord>(
  logger: Logger,
  uploadId: string,
  model: Pick<Model<U>, "ai" | "place">,
  { error, audit }: FallbackCause,
): void {
  const level = error?.code === "CIRCUIT_OPEN" || isFault(error, "deployment") ? "debug" : "info";
  logger[level]({ uploadId, model: nameOf(model), error, audit }, "the next model of the chain is asked");
}

/** Tells once in a run that a model of a chain cannot be used: others do its work, and nobody would mend it. */
export function lacksModel<U extends UploadRecord>(
  {
    logger,
    run,
  }: { readonly logger: Logger; readonly run: Pick<NonNullable<Settings<U>["run"]>, "missing"> | undefined },
  model: Model<U>,
  error: unknown,
): void {
  if (run?.missing.has(model.place)) return;
  run?.missing.add(model.place);
  logger.warn({ model: nameOf(model), error }, "a model of the chain cannot be used in this deployment");
}
