// By a name that a bundler's banner does not declare as well: many declare createRequire.
import * as nodeModule from "node:module";
import { join } from "node:path";
import { packageBases } from "../../load-package.js";
import { notLoaded } from "./failure.js";

/**
 * Where libheif-js has the function that makes decoders: what it exports is a single one, made already. It is also looked for from
 * the working directory, because its path goes to a worker, and nothing is beside a bundle.
 *
 * @throws ConfigurationError
 */
export function locateLibheif(): string {
  let first: unknown;
  for (const base of [...packageBases(), join(process.cwd(), "index.js")]) {
    try {
      return nodeModule.createRequire(base).resolve("libheif-js/libheif-wasm/libheif-bundle.js");
    } catch (error) {
      first ??= error;
    }
  }
  throw notLoaded(first);
}
