import { atOnce, unheld } from "./async/at-once.js";
import type { AIAdapter, Description, Price, Usage } from "./contracts/ai.js";
import type { UploadRecord } from "./contracts/upload.js";
import { ConfigurationError, classifyError, isFault, UploadError, usageOf } from "./errors.js";
import { CHAIN, type Chain, chainOf, isOfModel, nameOf } from "./pipeline/chain.js";
import type { FallbackCause } from "./pipeline/fallback-cause.js";
import { fellBack } from "./pipeline/fallback-log.js";
import { embeds, versionFor } from "./records.js";
import { UsageSum } from "./runtime/ledger.js";
import { aFunction, expected, optional, requireKnown, requireMembers } from "./validate.js";

export type { FallbackCause } from "./pipeline/fallback-cause.js";

/**
 * A chain of models: the next one describes when the one before it has failed for good (an error that is not tried again, or at
 * the upload's last attempt), is held by its breaker, is refused or not installed, or gave an answer that did not pass its audit.
 * What the media itself fails with is no reason: another model would get the same media. Vectors only ever come from the first
 * adapter that makes any, because those of two models cannot be compared.
 *
 * Each model keeps its own `concurrency`, `price` and `audit`, and has a breaker of its own. What is stored tells which one it
 * was in `metadata.model`. The version is one stamp for the whole chain: `describe` is made of the versions of all, in their
 * order, so that another order or another model is another version; `embed` is that of the adapter that makes the vectors. Where
 * one has no version, the chain has none. A chain in a chain is its models, in its place; `when` is given to the outer one.
 *
 * @param options.when whether the next model is asked after this: an error, or the verdict of an audit. @default always
 * @throws ConfigurationError an empty list, an adapter without `describe`, an option that is unknown, a chain with a `when` of its
 *   own in the list
 * @example
 * const ai = fallbackAI([ollama({ model: "qwen2.5vl:3b" }), aiSdk({ model: openai("gpt-5-mini"), price })]);
 */
export function fallbackAI<U extends UploadRecord = UploadRecord>(
  ais: readonly AIAdapter<U>[],
  options: { readonly when?: ((cause: FallbackCause, upload: U) => boolean) | undefined } = {},
): AIAdapter<U> {
  if (!Array.isArray(ais) || ais.length === 0)
    throw expected("fallbackAI", "a list of at least one AI adapter", Array.isArray(ais) ? "an empty list" : ais);
  for (const [place, ai] of ais.entries()) requireMembers(`fallbackAI: ais[${place}]`, ai, ["describe"]);
  requireMembers("fallbackAI: options", options, []);
  requireKnown("fallbackAI: options", options, ["when"]);
  const { when } = options;
  optional("fallbackAI: options.when", when, aFunction, "a function");

  const models: readonly AIAdapter<U>[] = ais.flatMap(modelsOf<U>);
  const embedder = models.find(embeds);
  const describe = (...[media, context]: Parameters<AIAdapter<U>["describe"]>) =>
    describeInTurn(models, when, media, context);
  const price = composePrice(models, embedder);
  const chain: Chain<U> = { ais: models, when, describe, price };
  const ai: AIAdapter<U> = {
    describe,
    ...vectorsOf(embedder),
    concurrency: composeConcurrency(models, embedder),
    version: composeVersions(models, embedder),
    price,
    checkHealth: composeHealth(models),
  };
  return Object.assign(ai, { [CHAIN]: chain });
}

/** A chain in a chain is its models: as one of them, what they cost and their audits would be lost. */
function modelsOf<U extends UploadRecord>(ai: AIAdapter<U>, place: number): AIAdapter<U> | readonly AIAdapter<U>[] {
  const inner = chainOf(ai);
  if (inner?.when === undefined) return inner?.ais ?? ai;
  throw new ConfigurationError(
    `fallbackAI: ais[${place}]: expected a model, or a chain without when, got a chain with a when of its own; give the outer chain one when for all`,
  );
}

/** Outside of the library's own work: each model is asked once, and the first answer is taken. */
async function describeInTurn<U extends UploadRecord>(
  models: readonly AIAdapter<U>[],
  when: Chain<U>["when"],
  ...[media, context]: Parameters<AIAdapter<U>["describe"]>
): Promise<Description> {
  const used = new UsageSum();
  const book = ({ price }: AIAdapter<U>, told: unknown) => {
    const usage = new UsageSum().read(told);
    usage.requests ??= 1;
    try {
      const wasAsked = usage.requests !== 0 || usage.isTold;
      const cost = wasAsked ? atOnce("price", price?.(usage.toUsage(), "describe")) : undefined;
      usage.cost ??= new UsageSum().read({ cost }).cost;
    } catch {
      // No price is known: what was described is not lost for that.
    }
    used.add(usage);
  };
  for (const [place, model] of models.entries()) {
    try {
      const answer = await model.describe(media, context);
      const description: Description = typeof answer === "string" ? { text: answer } : answer;
      book(model, description.usage);
      const name = description.usage?.model ?? nameOf({ ai: model, place });
      return { ...description, metadata: { ...description.metadata, model: name }, usage: used.toUsage() };
    } catch (thrown) {
      const error = classifyError(thrown, "describe", "DESCRIBE_FAILED");
      book(model, usageOf(thrown));
      const isOver = place === models.length - 1 || context.signal.aborted || !isOfModel(error);
      if (isOver || unheld(when?.({ error }, media.upload)) === false) throw withUsage(error, thrown, used);
      fellBack(context.logger, media.upload.id, { ai: model, place }, { error });
    }
  }
  throw new ConfigurationError("fallbackAI: the list of AI adapters became empty");
}

/** An error of its own, because what all models have used up is not told by that of the last one. */
function withUsage(
  { message, code, fault, stage, retryable, retryAfterMs }: UploadError,
  cause: unknown,
  used: UsageSum,
): UploadError {
  const error = new UploadError(message, { code, fault, stage, retryable, retryAfterMs, cause });
  return Object.assign(classifyError(error, "describe", code), { usage: used.toUsage() });
}

/** Looked up at each call, like every other method of an adapter. */
function vectorsOf<U extends UploadRecord>(
  embedder: AIAdapter<U> | undefined,
): Pick<AIAdapter<U>, "embed" | "embedMany" | "embedBatch" | "dimensions"> {
  if (embedder === undefined) return {};
  const { embed, embedMany, embedBatch, dimensions } = embedder;
  return {
    embed: embed && ((input, context) => (embedder.embed as typeof embed)(input, context)),
    embedMany: embedMany && ((inputs, context) => (embedder.embedMany as typeof embedMany)(inputs, context)),
    embedBatch,
    dimensions,
  };
}

/** A new object, so that a chain has a runtime of its own. */
function composeConcurrency<U extends UploadRecord>(
  models: readonly AIAdapter<U>[],
  embedder: AIAdapter<U> | undefined,
): NonNullable<AIAdapter<U>["concurrency"]> {
  let describe: number | undefined = 0;
  for (const { concurrency } of models) {
    const slots: number | undefined = concurrency?.describe;
    describe = slots === undefined || describe === undefined ? undefined : describe + slots;
  }
  return { describe, embed: embedder?.concurrency?.embed };
}

function composeVersions<U extends UploadRecord>(
  models: readonly AIAdapter<U>[],
  embedder: AIAdapter<U> | undefined,
): AIAdapter<U>["version"] {
  const versions = models.map((model) => versionFor(model, "describe"));
  const embed = embedder && versionFor(embedder, "embed");
  if (versions.includes(undefined) || (embedder !== undefined && embed === undefined)) return undefined;
  const describe = versions.join(" | ");
  return embed === undefined ? describe : { describe, embed };
}

/** Of a description by the dearest, because it does not tell which one it was; the library asks each model's own. */
function composePrice<U extends UploadRecord>(
  models: readonly AIAdapter<U>[],
  embedder: AIAdapter<U> | undefined,
): Price | undefined {
  if (models.some(({ price }) => price === undefined)) return undefined;
  return (usage: Usage, stage) => {
    if (stage === "embed" && embedder !== undefined) return embedder.price?.(usage, stage) ?? null;
    const prices = models.map((model) => atOnce("price", model.price?.(usage, stage)) ?? null);
    return prices.includes(null) ? null : Math.max(...(prices as number[]));
  };
}

/** Well when any of them is; not told where one does not tell it. */
function composeHealth<U extends UploadRecord>(models: readonly AIAdapter<U>[]): AIAdapter<U>["checkHealth"] {
  if (models.some(({ checkHealth }) => checkHealth === undefined)) return undefined;
  return async (options) => {
    const reasons: unknown[] = [];
    const asking = models.map(async (model) => {
      try {
        await model.checkHealth?.(options);
      } catch (reason) {
        reasons.push(reason);
        throw reason;
      }
    });
    try {
      await Promise.any(asking);
    } catch {
      // What may pass is the better reason: the deployment need not be at fault.
      const passing = reasons.find(
        (reason) => !isFault(classifyError(reason, "describe", "DESCRIBE_FAILED"), "deployment"),
      );
      throw passing ?? reasons[0];
    }
  };
}
