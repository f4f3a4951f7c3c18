import { UploadError } from "../../errors.js";
import { type Client, callOllama } from "./client.js";
import { type Asked, notPulled, refusalOf } from "./failures.js";
import type { Settings } from "./options.js";

/**
 * Whether the server is there and has both models, and whether the first of them can see: a model that cannot does not always
 * say so, and describes what it imagines.
 *
 * @throws UploadError with the reason, and for what somebody can mend, how
 */
export async function checkOllama(settings: Settings, signal: AbortSignal): Promise<void> {
  const { host, model, embeddingModel } = settings;
  const vision: Asked = { host, stage: "describe", option: "model", model };
  const names = await callOllama(settings, vision, signal, async (client) => namesIn(await client.list()));
  const capabilities = await abilitiesOf(settings, vision, names, signal);
  // Older servers do not tell them.
  if (capabilities !== undefined && !capabilities.includes("vision"))
    throw refusalOf(vision, { text: `${model} does not support vision` });
  if (embeddingModel === undefined) return;
  const embedding: Asked = { host, stage: "embed", option: "embeddingModel", model: embeddingModel };
  if (!names.has(fullName(embeddingModel))) await abilitiesOf(settings, embedding, names, signal);
}

/** Models of the cloud are not listed, and are shown all the same. */
async function abilitiesOf(
  settings: Settings,
  asked: Asked,
  names: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<readonly string[] | undefined> {
  const show = (client: Client) => client.show({ model: asked.model });
  try {
    const { capabilities } = await callOllama(settings, asked, signal, show);
    return Array.isArray(capabilities) ? capabilities : undefined;
  } catch (error) {
    if (!isAboutConfiguration(error)) throw error;
    if (names.has(fullName(asked.model))) return undefined;
    throw notPulled(asked);
  }
}

function isAboutConfiguration(error: unknown): boolean {
  return UploadError.isInstance(error) && error.code === "INVALID_CONFIGURATION";
}

function namesIn(list: { readonly models?: readonly { readonly name?: string }[] } | undefined): ReadonlySet<string> {
  return new Set((list?.models ?? []).flatMap(({ name }) => (name === undefined ? [] : fullName(name))));
}

/** As Ollama compares them: `llava` is `llava:latest`, never `llava:7b`; the case of letters is all the same. */
function fullName(name: string): string {
  const [, path = name, tag = "latest"] = /^(.*?)(?::([^:/]+))?$/.exec(name.trim()) ?? [];
  return `${path.replace(/^(?:registry\.ollama\.ai\/)?library\//i, "")}:${tag}`.toLowerCase();
}
