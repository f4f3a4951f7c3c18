import type { AIAdapter, Audit } from "../contracts/ai.js";
import type { UploadRecord } from "../contracts/upload.js";
import { ConfigurationError } from "../errors.js";
import type { UploadAdapters } from "../options.js";
import { embeds } from "../records.js";
import { aCount, aFunction, aString, count, optional, requireKnown, requireMembers, timeout } from "../validate.js";
import { chainOf } from "./chain.js";
import type { ReliableRepository } from "./reliable-repository.js";

/** @throws ConfigurationError an adapter that lacks a member, or has one that is none */
export function requireAdapters<U extends UploadRecord>(adapters: UploadAdapters<U>): void {
  requireMembers("adapters", adapters, ["storage", "ai", "repository"], "object");
  const { storage, repository } = adapters;
  const ai: AIAdapter<U> = adapters.ai;
  requireMembers("adapters.storage", storage, ["open", "write", "delete"]);
  requireMembers("adapters.repository", repository, ["findUpload", "updateUpload"]);
  // Its models first: what is wrong with one of them is wrong with what the chain is composed of, too.
  for (const [place, model] of (chainOf(ai)?.ais ?? []).entries())
    requireAI(`adapters.ai (model ${place + 1} of the chain)`, model);
  requireAI("adapters.ai", ai);
  optional("adapters.repository.claimUpload", repository.claimUpload, aFunction, "a function");
  optional("adapters.repository.resetUploads", repository.resetUploads, aFunction, "a function");
}

function requireAI<U extends UploadRecord>(name: string, ai: AIAdapter<U>): void {
  requireMembers(name, ai, ["describe"]);
  optional(`${name}.embed`, ai.embed, aFunction, "a function");
  optional(`${name}.embedMany`, ai.embedMany, aFunction, "a function");
  requireEmbedBatch(`${name}.embedBatch`, ai.embedBatch);
  requireAudit(`${name}.audit`, ai.audit);
  optional(`${name}.dimensions`, ai.dimensions, aCount, "an integer of at least 1");
  optional(`${name}.price`, ai.price, aFunction, "a function");
  optional(`${name}.checkHealth`, ai.checkHealth, aFunction, "a function");
  optional(`${name}.version`, ai.version, aVersion, "a text, or { describe, embed } with one each");
  requireConcurrency(`${name}.concurrency`, ai.concurrency);
}

/**
 * Checks what an AI adapter wishes for. The default runtime goes by the identity of this object, so anything else than one
 * could not even be looked up.
 *
 * @throws ConfigurationError
 */
function requireConcurrency(name: string, concurrency: AIAdapter["concurrency"]): void {
  if (concurrency === undefined) return;
  requireMembers(name, concurrency, []);
  requireKnown(name, concurrency, ["describe", "embed"]);
  for (const stage of ["describe", "embed"] as const) {
    const slots = concurrency[stage];
    if (slots !== Number.POSITIVE_INFINITY) count(`${name}.${stage}`, slots, 1);
  }
}

function requireEmbedBatch(name: string, batch: AIAdapter["embedBatch"]): void {
  if (batch === undefined) return;
  requireMembers(name, batch, []);
  requireKnown(name, batch, ["maxSize", "maxWaitMs"]);
  count(`${name}.maxSize`, batch.maxSize, 1);
  timeout(`${name}.maxWaitMs`, batch.maxWaitMs, 0, 0);
}

/** @throws ConfigurationError unless it is undefined or an audit */
export function requireAudit<U extends UploadRecord>(name: string, audit: Audit<U> | undefined): void {
  if (audit === undefined) return;
  requireMembers(name, audit, ["check"]);
  // An instance of a class may have fields of its own.
  if (Object.getPrototypeOf(audit) === Object.prototype) requireKnown(name, audit, ["check", "maxAsks"]);
  count(`${name}.maxAsks`, audit.maxAsks, 1);
}

function aVersion(value: unknown): boolean {
  if (typeof value === "string") return true;
  const { describe, embed } = Object(value);
  return aString(describe) && aString(embed);
}

/** @throws ConfigurationError where a budget has nothing to go by */
export function requirePrice(name: string, ai: Pick<AIAdapter, "price">): void {
  if (ai.price !== undefined) return;
  throw new ConfigurationError(
    `${name}: a budget needs prices; give the AI adapter a price: (usage, stage) => number | null`,
  );
}

/** Told before anything is paid: no vector of this model fits into this table. */
export function requireSameDimensions<U extends UploadRecord>(
  ai: AIAdapter<U>,
  repository: ReliableRepository<U>,
): void {
  const { dimensions } = ai;
  const wanted = repository.dimensions;
  if (!embeds(ai) || dimensions === undefined || wanted === undefined || dimensions === wanted) return;
  throw new ConfigurationError(
    `adapters.ai.dimensions: the repository stores vectors of ${wanted} numbers, and the model makes ${dimensions}`,
  );
}
