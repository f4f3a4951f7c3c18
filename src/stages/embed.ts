import type { AIAdapter } from "../contracts/ai.js";
import type { UploadRecord } from "../contracts/upload.js";
import { callStage } from "../pipeline/call-stage.js";
import { embedTogether } from "../pipeline/joined.js";
import { readVector } from "../pipeline/model-output.js";
import type { Results } from "../pipeline/results.js";
import type { UploadRun } from "../pipeline/run.js";
import type { Settings } from "../pipeline/settings.js";
import { aiVersionOf, composeVersion, embeds, versionOfStage } from "../records.js";
import { openMedia, type StageRow } from "./stage.js";
import { usageSoFar } from "./usage.js";

type Embed<U extends UploadRecord> = NonNullable<AIAdapter<U>["embed"]>;

/** The embedding model turns the description into a vector; `undefined` where the adapter has none. */
export function embedStage<U extends UploadRecord>({
  ai,
  models,
  timeouts,
  runtime,
  repository,
}: Settings<U>): StageRow<U> | undefined {
  if (!embeds(ai)) return undefined;
  const slot = runtime.limiter("embed", ai.concurrency?.embed);
  const dimensions = ai.dimensions ?? repository.dimensions;
  const stage = { stage: "embed", status: "embedding", code: "EMBED_FAILED", timeoutMs: timeouts.embedMs } as const;

  async function alone(run: UploadRun<U>, attempt: number, text: string): Promise<number[]> {
    const media = run.opened ?? (await openMedia(run, attempt));
    // Written out: V8 takes a microsecond for an object that begins with the fields of another.
    return callStage(run, {
      stage: "embed",
      attempt,
      status: "embedding",
      code: "EMBED_FAILED",
      timeoutMs: timeouts.embedMs,
      slot,
      service: { breaker: models.breakerOfEmbed, kind: "model" },
      // Looked up at each call, like every other method of an adapter: somebody may wrap it meanwhile.
      call: ({ context }) => (ai.embed as Embed<U>)({ text, media }, context),
      accept: (answer) => readVector(answer, dimensions),
    });
  }

  /** Without the media, which is not opened for it. */
  function together(run: UploadRun<U>, attempt: number, text: string): Promise<number[]> {
    return callStage(run, {
      ...stage,
      attempt,
      together: (begun) => embedTogether(run, text, attempt, begun),
      accept: (shared) => {
        if ("refused" in shared) throw shared.refused;
        return readVector(shared.vector, dimensions);
      },
    });
  }

  const embed = ai.embedMany === undefined ? alone : together;
  return {
    name: "embed",
    status: "embedding",
    weight: 15,
    required: true,
    isDone: ({ claim }) => claim.embedding !== undefined,
    async make(run, attempt) {
      const embedding = await embed(run, attempt, run.claim.description ?? "");
      const results: Results = { embedding };
      const stamp = stampOf(run);
      if (stamp !== null && stamp !== run.claim.made.aiVersion) results.aiVersion = stamp;
      const usage = run.lastUsage?.isTold ? usageSoFar(run) : undefined;
      if (usage !== undefined) results.metadata = usage;
      return results;
    },
  };
}

/** The description may be of an earlier version than the embedding: then the stamp says both. */
function stampOf<U extends UploadRecord>({ claim, settings }: UploadRun<U>): string | null {
  const current = aiVersionOf(settings.ai);
  const described = versionOfStage(claim.aiVersion, "describe");
  if (current === null || described === null || described === versionOfStage(current, "describe")) return current;
  return composeVersion(described, versionOfStage(current, "embed") ?? current);
}
