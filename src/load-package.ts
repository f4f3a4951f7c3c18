// By a name that a bundler's banner does not declare as well: many declare createRequire.
import * as nodeModule from "node:module";
import { ConfigurationError, messageOf, UploadError } from "./errors.js";

export interface LazyPackage<T> {
  readonly name: string;
  /** Who needs it, in messages: `s3Storage`. @default nobody is named */
  readonly neededBy?: string;
  /** Its `import()`, written out where it is used: bundlers find no other. */
  readonly load: () => Promise<T>;
  /** What to do where it is missing. */
  readonly advice: string | (() => Promise<string>);
}

/**
 * Loads a package when it is first needed, once. A failure is not remembered: the next call tries again, because an installation is
 * repaired or a volume mounted while the process runs, and a try costs some milliseconds.
 *
 * @returns a function that throws a ConfigurationError with the advice, or `STORAGE_FAILED` when the system lacks something just now
 */
export function packageLoader<T>({ name, neededBy, load, advice }: LazyPackage<T>): () => Promise<T> {
  let loading: Promise<T> | undefined;
  return async () => {
    loading ??= load()
      .catch((error: unknown) => requireInstalled<T>(name, error))
      .catch((error: unknown) => {
        loading = undefined;
        throw error;
      });
    try {
      return await loading;
    } catch (error) {
      const shown = neededBy === undefined ? name : `${neededBy}: ${name}`;
      throw loadError(shown, error, typeof advice === "string" ? advice : await advice());
    }
  };
}

/**
 * Loads a package with `require` after its `import()` has failed.
 *
 * - sharp's ESM build has import attributes, which Node 20.9 cannot parse yet; its CommonJS build has none.
 * - Jest has no `import()` unless it is told so.
 * - A bundler that inlines file-type into an ES module inlines its CommonJS dependency `debug` too, whose
 *   `require("tty")` throws there ("Dynamic require of "tty" is not supported"). A `require` made by `createRequire` is
 *   left alone by bundlers, so it finds the installed package. (It can load ES modules from Node 20.19 on.)
 *
 * @throws `importError` when the package is not found either way: it tells more
 */
function requireInstalled<T>(name: string, importError: unknown): T {
  for (const base of packageBases()) {
    try {
      return nodeModule.createRequire(base)(name) as T;
    } catch {
      // The next one, or the error of the import.
    }
  }
  throw importError;
}

/**
 * From where packages are looked for: this file and the program. Bundlers leave `import.meta.url` empty in CommonJS output, where
 * `__filename` is defined, and some set it to the path on the machine that built the bundle: then the package is found beside the
 * script that was started.
 */
export function packageBases(): string[] {
  const here = import.meta.url ?? __filename;
  const main = process.argv[1];
  return main === undefined ? [here] : [here, main];
}

/**
 * What the operating system lacks at the moment: nothing is wrong with the deployment, and the next try may succeed.
 */
const EXHAUSTED =
  /\b(?:EMFILE|ENFILE|ENOMEM|EAGAIN)\b|too many open files|cannot allocate memory|temporarily unavailable/i;

/**
 * The error for a package that cannot be loaded: the deployment's fault, unless the system is out of something just
 * now.
 */
export function loadError(name: string, thrown: unknown, advice: string): UploadError {
  const [reason = ""] = messageOf(thrown).split("\n");
  const message = `${name} could not be loaded: ${reason}`;
  if (EXHAUSTED.test(messageOf(thrown))) return new UploadError(message, { code: "STORAGE_FAILED", cause: thrown });
  return new ConfigurationError(`${message.replace(/\.?$/, ".")} ${advice}`, { cause: thrown });
}
