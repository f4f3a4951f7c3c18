import { atOnce } from "../async/at-once.js";
import type { AIAdapter, Audit } from "../contracts/ai.js";
import type { UploadRecord } from "../contracts/upload.js";
import type { UploadError } from "../errors.js";
import { embeds, versionFor } from "../records.js";
import type { Breaker } from "../runtime/breaker.js";
import type { Limiter } from "../runtime/limiter.js";
import type { SharedRuntime } from "../runtime/runtime.js";
import type { FallbackCause } from "./fallback-cause.js";

/** What an adapter made by `fallbackAI` carries, so that its models are called, counted and paid for one by one. */
export interface Chain<U extends UploadRecord> {
  readonly ais: readonly AIAdapter<U>[];
  readonly when: ((cause: FallbackCause, upload: U) => boolean) | undefined;
  /** Of the chain itself: where somebody has put another one in its place, that is what is wanted. */
  readonly describe: AIAdapter<U>["describe"];
  readonly price: AIAdapter<U>["price"];
}

/** An own property, so that `{ ...ai }` has it as well; the same in every copy of the package. */
export const CHAIN = Symbol.for("upload-processor.chain");

export function chainOf<U extends UploadRecord>(ai: AIAdapter<U>): Chain<U> | undefined {
  const chain = (ai as { readonly [CHAIN]?: Chain<U> })[CHAIN];
  return chain?.describe === ai.describe ? chain : undefined;
}

/** One of the models that may describe an upload. */
export interface Model<U extends UploadRecord> {
  /** In the chain, from 0. */
  readonly place: number;
  readonly ai: AIAdapter<U>;
  readonly breaker: Breaker;
  readonly slot: Limiter;
  /** Whose `price` is asked. */
  readonly priced: Pick<AIAdapter, "price">;
  /** Names it in the key of a call; `undefined`: by the adapter's version. */
  readonly key: string | undefined;
  readonly audit: Audit<U> | undefined;
}

/** What a model is called, for people. */
export function nameOf<U extends UploadRecord>({ ai, place }: Pick<Model<U>, "ai" | "place">): string {
  return versionFor(ai, "describe") ?? `model ${place + 1}`;
}

/** The models that may describe an upload, in their order: one, unless the adapter is a chain. */
export interface Models<U extends UploadRecord> {
  readonly list: readonly Model<U>[];
  readonly isChain: boolean;
  /** Around the slots of the models of a chain: as many as `limits.describe` says. */
  readonly slot: Limiter;
  /** The one that makes the vectors; `undefined` where none does. */
  readonly embedder: Model<U> | undefined;
  readonly breakerOfEmbed: Breaker;
  readonly goesOn: (cause: FallbackCause, upload: () => U) => boolean;
}

export function resolveModels<U extends UploadRecord>(
  ai: AIAdapter<U>,
  runtime: SharedRuntime,
  audit: Audit<U> | false | undefined,
  warn: (thrown: unknown) => void,
): Models<U> {
  const chain = chainOf(ai);
  const auditOf = (own: Audit<U> | undefined) => (audit === false ? undefined : (audit ?? ai.audit ?? own));
  if (chain === undefined) {
    const slot = runtime.limiter("describe", ai.concurrency?.describe);
    const breaker = runtime.breakerOfModel(0);
    const list = [{ place: 0, ai, breaker, slot, priced: ai, key: undefined, audit: auditOf(undefined) }];
    return { list, isChain: false, slot, embedder: embedderOf(list), breakerOfEmbed: breaker, goesOn: () => false };
  }
  const list = chain.ais.map((one, place) => ({
    place,
    ai: one,
    breaker: runtime.breakerOfModel(place),
    slot: runtime.limiter(`describe ${place}`, one.concurrency?.describe),
    priced: ai.price === chain.price ? one : ai,
    // Two models behind one gateway must not be taken for one call.
    key: `${versionFor(one, "describe") ?? ""}#${place + 1}`,
    audit: auditOf(one.audit),
  }));
  const goesOn = (cause: FallbackCause, upload: () => U) => {
    try {
      return atOnce("when", chain.when?.(cause, upload())) ?? true;
    } catch (thrown) {
      warn(thrown);
      return true;
    }
  };
  const breakerOfEmbed = runtime.breakerOfEmbedding(list.length);
  const slot = runtime.limiter("describe");
  return { list, isChain: true, slot, embedder: embedderOf(list), breakerOfEmbed, goesOn };
}

function embedderOf<U extends UploadRecord>(list: readonly Model<U>[]): Model<U> | undefined {
  return list.find(({ ai }) => embeds(ai));
}

/** Errors that say nothing of the model: another one would meet the same. */
const NOT_OF_THE_MODEL: ReadonlySet<string> = new Set([
  "INVALID_MEDIA",
  "UNSUPPORTED_MEDIA",
  "MEDIA_TOO_LARGE",
  "MISSING_ORIGINAL",
  "STORAGE_FAILED",
  "REPOSITORY_FAILED",
  "BUDGET_EXHAUSTED",
]);

/** Whether a failure is one of the model that was asked, and not of the media, the repository or the budget. */
export function isOfModel({ stage, code }: UploadError): boolean {
  return (stage === null || stage === "describe") && !NOT_OF_THE_MODEL.has(code);
}
