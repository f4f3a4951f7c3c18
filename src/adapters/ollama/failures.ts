import { ConfigurationError, classifyError, messageOf, UploadError } from "../../errors.js";
import { saysItIsBlind } from "../models/blind-model.js";

/** What was asked, of which server: what an error has to name. */
export interface Asked {
  /** Without credentials. */
  readonly host: string;
  readonly stage: "describe" | "embed";
  /** Which option names the model. */
  readonly option: "model" | "embeddingModel";
  readonly model: string;
}

/** An answer of the server that is no success. */
export interface Refusal {
  /** None for an error that comes with a 200, or in a stream, and tells none. */
  readonly status?: number | undefined;
  readonly headers?: Headers | undefined;
  /** What the server says. */
  readonly text: string;
  /** The whole of it: a gateway tells there that a quota is used up. */
  readonly body?: string | undefined;
}

/** Errors that no attempt mends: what the server says of them, and what to do. */
const REMEDIES: readonly (readonly [said: RegExp, remedy: (asked: Asked) => string])[] = [
  [
    /does not support (?:chat|generate|completion)/i,
    () => "it writes no text: choose a vision model, and give this one as embeddingModel",
  ],
  [/does not support embedd?ings?/i, () => "it makes no vectors: choose an embedding model, such as nomic-embed-text"],
  [/does not support thinking/i, () => "it does not think: leave out the option `think`"],
  [/think value .* is not supported/i, () => "choose another value of the option `think`"],
  [/invalid model name/i, ({ model }) => `expected a name such as "qwen2.5vl:7b", got ${JSON.stringify(model)}`],
  [/model .* not found|try pulling it first/i, ({ model }) => missing(model)],
];

function missing(model: string): string {
  return `the server does not have it: run \`ollama pull ${model}\``;
}

const CODES = { describe: "DESCRIBE_FAILED", embed: "EMBED_FAILED" } as const;

/** The error of an answer: whose fault it is, and for what somebody can mend, how. */
export function refusalOf(asked: Asked, { status, headers, text, body }: Refusal): UploadError {
  const cause = Object.assign(new Error(text), { status, headers });
  if (asked.stage === "describe" && saysItIsBlind(Object.assign(new Error(text), { status, body })))
    return misconfigured(asked, `it cannot see: choose a vision model, such as qwen2.5vl or gemma3 (${text})`, cause);
  const [, remedyOf] = REMEDIES.find(([said]) => said.test(text)) ?? [];
  if (remedyOf !== undefined) return misconfigured(asked, `${remedyOf(asked)} (${text})`, cause);
  const { host, stage } = asked;
  const said = `Ollama at ${host} answered ${status === undefined ? "" : `${status}: `}${text}`;
  if (status === 404)
    return new ConfigurationError(`${said}. Is it an Ollama server, and is the path of \`host\` right?`, {
      stage,
      cause,
    });
  const location = headers?.get("location");
  if (status !== undefined && status >= 300 && status < 400 && location)
    return new ConfigurationError(`${said}. Give the address that it leads to as \`host\`: ${location}`, {
      stage,
      cause,
    });
  // 499: somebody between us and the model hung up. Others than 4xx and 5xx are those of a broken proxy.
  const isOfService = status === undefined || status === 499 || status < 400 || status > 599;
  const told = Object.assign(new Error(said), { status, headers, body });
  let verdict = classifyError(told, stage, CODES[stage]);
  // A code in the body says more than that: a quota that is used up, content that is refused.
  if (isOfService && verdict.fault === "upload" && verdict.code !== "CONTENT_REFUSED")
    verdict = classifyError(Object.assign(told, { fault: "service" }), stage, CODES[stage]);
  const { code, fault, retryable, retryAfterMs } = verdict;
  const isAboutKey = code === "ACCOUNT_REFUSED" && (status === 401 || status === 403);
  const remedy = isAboutKey ? `${said}. Look at the key: \`headers\`, or user and password in \`host\`` : said;
  return new UploadError(remedy, { code, fault, retryable, retryAfterMs, stage, cause });
}

/** A model that is not there, or cannot do what it is wanted for. */
function misconfigured({ host, option, model, stage }: Asked, why: string, cause?: unknown): ConfigurationError {
  return new ConfigurationError(`${option} ${JSON.stringify(model)} of Ollama at ${host}: ${why}`, { stage, cause });
}

export function notPulled(asked: Asked): ConfigurationError {
  return misconfigured(asked, missing(asked.model));
}

/** No answer came: names the host and the reason of the network. */
export function unreachable({ host, stage }: Asked, error: unknown): UploadError {
  const message = `Ollama at ${host} cannot be reached: ${messageOf(error)}. Is \`ollama serve\` running there?`;
  return new UploadError(message, { code: CODES[stage], fault: "service", stage, cause: error });
}

/** The answer began, and is not whole or not Ollama's: the next one may be. */
export function unusable({ host, stage }: Asked, why: string, cause?: unknown): UploadError {
  return new UploadError(`Ollama at ${host} ${why}`, { code: CODES[stage], fault: "service", stage, cause });
}

/** What the client itself threw. */
export function otherFailure({ stage }: Asked, error: unknown): UploadError {
  return classifyError(error, stage, CODES[stage]);
}
