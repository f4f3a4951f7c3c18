import type { Stage, StageAnswer } from "../contracts/stage.js";
import type { UploadRecord } from "../contracts/upload.js";
import { callStage } from "../pipeline/call-stage.js";
import { readStageResult } from "../pipeline/model-output.js";
import type { Settings } from "../pipeline/settings.js";
import { requireStage } from "../pipeline/stage-options.js";
import { openMedia, type StageRow } from "./stage.js";

/**
 * Defines a stage of your own: moderation, a virus scan, consent, facts. What `run` answers is stored as `metadata[name]`, and
 * read, with its type, by `stageResult(upload, stage)`. Where `run` reads columns of your own, give it `media: Media<MyRecord>`.
 *
 * @throws ConfigurationError a name that is none, or an option that is unknown
 * @example
 * const moderation = defineStage({
 *   name: "moderation",
 *   before: "describe",
 *   run: async (media, { signal }) => {
 *     const { verdict } = await classify(await media.visionImage(), { signal });
 *     if (verdict === "refused") throw new UploadError("The picture shows violence", { code: "REJECTED" });
 *     return { verdict };
 *   },
 * });
 */
export function defineStage<R extends StageAnswer, U extends UploadRecord = UploadRecord>(
  stage: Stage<U, R>,
): Stage<U, R> {
  requireStage("defineStage", stage as Stage<U>);
  return { ...stage };
}

/** A stage of the user's, as a row of the table. */
export function customStage<U extends UploadRecord>(stage: Stage<U>, { runtime }: Settings<U>): StageRow<U> {
  const { name, before = "describe", required = true, timeoutMs = 60_000, concurrency } = stage;
  const slot = runtime.limiter(name, concurrency);
  const status = before === "save" ? "embedding" : "analyzing";
  return {
    name,
    status,
    weight: 5,
    required,
    isDone: ({ claim }) => claim.resultOf(name) != null, // as `missing` of a selection has it
    async make(run, attempt) {
      const media = run.opened ?? (await openMedia(run, attempt));
      const result = await callStage(run, {
        stage: name,
        attempt,
        status,
        code: "STAGE_FAILED",
        timeoutMs,
        slot,
        service: { breaker: runtime.breakerOfStage(name), kind: "stage" },
        call: ({ context }) => stage.run(media, context),
        accept: (answer) => readStageResult(name, answer),
      });
      return { metadata: { [name]: result } };
    },
  };
}
