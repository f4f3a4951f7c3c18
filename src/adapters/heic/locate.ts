// By a name that a bundler's banner does not declare as well: many declare createRequire.
import * as nodeModule from "node:module";
import { join } from "node:path";
import { messageOf } from "../../errors.js";
import { notLoaded } from "./failure.js";

/**
 * Where libheif-js is: found from this file, from the program and from the working directory, whichever has it. Bundlers leave
 * `import.meta.url` empty in CommonJS, and nothing is beside a bundle.
 *
 * @throws ConfigurationError
 */
export function locateLibheif(): string {
  let first: unknown;
  for (const base of [import.meta.url ?? __filename, process.argv[1], join(process.cwd(), "index.js")]) {
    if (base === undefined) continue;
    try {
      return nodeModule.createRequire(base).resolve("libheif-js/wasm-bundle");
    } catch (error) {
      first ??= error;
    }
  }
  throw notLoaded(messageOf(first), first);
}
