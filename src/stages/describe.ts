import type { Description } from "../contracts/ai.js";
import type { UploadRecord } from "../contracts/upload.js";
import { callStage } from "../pipeline/call-stage.js";
import { readDescription } from "../pipeline/model-output.js";
import type { Results } from "../pipeline/results.js";
import type { Settings } from "../pipeline/settings.js";
import { aiVersionOf } from "../records.js";
import { openMedia, type StageRow } from "./stage.js";
import { usageSoFar } from "./usage.js";

/** The vision model puts the media into words. */
export function describeStage<U extends UploadRecord>({ ai, timeouts, runtime }: Settings<U>): StageRow<U> {
  const slot = runtime.limiter("describe", ai.concurrency?.describe);
  const aiVersion = aiVersionOf(ai);
  return {
    name: "describe",
    status: "analyzing",
    weight: 65,
    required: true,
    isDone: ({ claim }) => claim.description !== undefined,
    async make(run, attempt) {
      const media = run.opened ?? (await openMedia(run, attempt));
      const { text, metadata } = await callStage(run, {
        stage: "describe",
        attempt,
        status: "analyzing",
        code: "DESCRIBE_FAILED",
        timeoutMs: timeouts.describeMs,
        slot,
        service: {
          breaker: "describe",
          kind: "model",
          usageOf: (answer: string | Description) => Object(answer).usage,
        },
        call: (context) => ai.describe(media, context),
        accept: readDescription,
      });
      const measuring = run.media.described();
      if (measuring !== undefined) await measuring;
      const results: Results = { description: text };
      results.metadata = Object.assign({}, metadata, usageSoFar(run), { media: run.media.facts() });
      if (aiVersion !== null) results.aiVersion = aiVersion;
      return results;
    },
  };
}
