// By a name that a bundler's banner does not declare as well: many declare createRequire.
import * as nodeModule from "node:module";
import { ConfigurationError, messageOf } from "../../errors.js";

type Package = Pick<typeof import("ollama"), "Ollama">;

/**
 * The official client, loaded with the first call: who does not use this adapter need not have it.
 *
 * @throws ConfigurationError that names the command to install it
 */
export async function loadOllama(): Promise<Package> {
  try {
    return await import("ollama");
  } catch (error) {
    return required(error);
  }
}

/** Jest has no `import()` unless it is told so. */
function required(importError: unknown): Package {
  try {
    return nodeModule.createRequire(import.meta.url ?? __filename)("ollama") as Package;
  } catch {
    const [reason = ""] = messageOf(importError).split("\n");
    throw new ConfigurationError(`ollama could not be loaded: ${reason}. Run \`npm install ollama\``, {
      cause: importError,
    });
  }
}
