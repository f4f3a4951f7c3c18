import { Interrupted } from "../async/time.js";
import type { UploadRecord } from "../contracts/upload.js";
import { classifyError } from "../errors.js";
import { type Answer, askModel } from "../pipeline/ask.js";
import { askChain } from "../pipeline/ask-chain.js";
import { callStage } from "../pipeline/call-stage.js";
import { type Model, nameOf } from "../pipeline/chain.js";
import type { Results } from "../pipeline/results.js";
import type { UploadRun } from "../pipeline/run.js";
import type { Settings } from "../pipeline/settings.js";
import { OWN_METADATA } from "../pipeline/stage-options.js";
import { aiVersionOf } from "../records.js";
import { openMedia, type StageRow } from "./stage.js";
import { usageSoFar } from "./usage.js";

/** The vision model puts the media into words; of a chain the first that can. */
export function describeStage<U extends UploadRecord>({ ai, models }: Settings<U>): StageRow<U> {
  const aiVersion = aiVersionOf(ai);
  return {
    name: "describe",
    status: "analyzing",
    weight: 65,
    required: true,
    isDone: ({ claim }) => claim.description !== undefined,
    async make(run, attempt) {
      const media = run.opened ?? (await openMedia(run, attempt));
      const answer = models.isChain
        ? await askChain(run, media, attempt)
        : await askModel(run, media, attempt, models.list[0] as Model<U>);
      run.media.described();
      const results: Results = { description: answer.described.text };
      results.metadata = metadataOf(run, answer);
      if (aiVersion !== null) results.aiVersion = aiVersion;
      if (!run.media.canMeasure) return results;
      // It is paid for, so it is stored before anything else is waited for.
      run.claim.keep(results);
      await run.claim.save("analyzing");
      await measure(run, attempt);
      return { metadata: { media: run.media.facts() } };
    },
  };
}

/** Nobody has asked for it, so the upload does not fail with it. */
async function measure<U extends UploadRecord>(run: UploadRun<U>, attempt: number): Promise<void> {
  try {
    await callStage(run, {
      stage: "open",
      attempt,
      code: "STORAGE_FAILED",
      timeoutMs: run.settings.timeouts.decodeMs,
      call: ({ cancellation }) => run.media.measure(cancellation),
      accept: () => {},
    });
  } catch (thrown) {
    if (thrown instanceof Interrupted) throw thrown;
    run.warn(classifyError(thrown, "open", "STORAGE_FAILED"));
  }
}

/** What the model told, under what the library knows of it. */
function metadataOf<U extends UploadRecord>(run: UploadRun<U>, answer: Answer<U>): Record<string, unknown> {
  const { described, model, verdict, asks } = answer;
  const told = toldBeside(run.settings, described.metadata);
  const own: Record<string, unknown> = Object.assign(told, usageSoFar(run), { media: run.media.facts() });
  const before = run.claim.row.metadata;
  if (verdict !== undefined) own.audit = { score: verdict.score, issues: verdict.issues, asks };
  // What was told of an earlier description is not true of this one.
  else if (before?.audit != null) own.audit = null;
  if (run.settings.models.isChain) own.model = described.model ?? nameOf(model);
  else if (before?.model != null) own.model ??= null;
  return own;
}

/**
 * A copy, without the keys that are not the model's: a picture may tell a model what to answer, and a stage of the user's whose result
 * is there already is not run. `model` may be told: a chain inside of another adapter does.
 */
function toldBeside<U extends UploadRecord>(
  { stages }: Pick<Settings<U>, "stages">,
  metadata: Readonly<Record<string, unknown>> | undefined,
): Record<string, unknown> {
  const told: Record<string, unknown> = Object.assign({}, metadata);
  for (const key of OWN_METADATA) if (key !== "model") delete told[key];
  for (const { name } of stages) delete told[name];
  return told;
}
