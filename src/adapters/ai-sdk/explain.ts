import type { StageName } from "../../contracts/upload.js";
import { ConfigurationError, classifyError, UploadError } from "../../errors.js";
import { at } from "./at.js";

interface Named {
  readonly provider: string;
  readonly modelId: string;
}

/**
 * What failed, by what the service says, and what to do about it where the fault is nobody's but the caller's: a key, an
 * address, a model's name. Other errors stay as they are.
 */
export function explained(error: unknown, stage: StageName, { provider, modelId }: Named): unknown {
  if (UploadError.isInstance(error)) return error;
  const code = stage === "embed" ? "EMBED_FAILED" : "DESCRIBE_FAILED";
  const told = classifyError(error, stage, code);
  const remedy = remedyFor(error, told);
  if (remedy === undefined) return error;
  const message = `${provider}/${modelId}: ${told.message.slice(0, LONGEST_REASON)} (${remedy})`;
  const options = { stage, retryAfterMs: told.retryAfterMs, cause: error };
  if (told.fault === "deployment") return new ConfigurationError(message, options);
  return new UploadError(message, { ...options, code: told.code, fault: told.fault, retryable: told.retryable });
}

/** Messages have 500 characters, and the remedy stands at the end. */
const LONGEST_REASON = 250;

function remedyFor(error: unknown, { fault, message }: UploadError): string | undefined {
  const status = at(error, "statusCode");
  const isKey = status === 403 || /\bapi key\b/i.test(message);
  if (status === 401 || (isKey && fault === "account")) return "check the `apiKey` that the provider was made with";
  if (fault === "account") return "see to the payment and quota of the account";
  if (status === 404 || (status === 400 && fault === "deployment"))
    return "check the model's name, and the `baseURL` that the provider was made with";
  if (status === undefined && UNREACHABLE.test(codeOf(error)))
    return "check that the service is running, and the `baseURL` that the provider was made with";
  return undefined;
}

const UNREACHABLE = /^(?:ECONNREFUSED|ENOTFOUND|EAI_AGAIN|E(?:HOST|NET)(?:UNREACH|DOWN))$/;

/** Of the innermost cause, or the first of several. */
function codeOf(error: unknown): string {
  let code = "";
  let inner = error;
  for (let depth = 0; depth < 5 && inner !== undefined; depth++) {
    const own = at(inner, "code");
    if (typeof own === "string") code = own;
    inner = at(inner, "cause") ?? at(at(inner, "errors"), "0");
  }
  return code;
}
