import { decodeJobs } from "./decode-jobs.js";
import { encodePng } from "./encode-png.js";
import { reduce } from "./reduce.js";
import { toSrgb } from "./to-srgb.js";

/** What `decodeJobs` is given: it may refer to nothing outside of itself. */
export interface Parts {
  readonly reduce: typeof reduce;
  readonly toSrgb: typeof toSrgb;
  readonly encodePng: typeof encodePng;
}

/**
 * The program of a worker, as text: a file of its own would be lost in bundles, where there is nothing beside the bundle. It is
 * put together of functions, each of which uses nothing but its parameters and what every program has. The build does this once,
 * and puts the text in the place of this function; the tests run it as it is here, where `__name` is what tsx adds to functions.
 */
export function workerSource(): string {
  const parts: Parts = { reduce, toSrgb, encodePng };
  const members = Object.entries(parts).map(([name, part]) => `${JSON.stringify(name)}: ${part}`);
  const program = `(${decodeJobs})(createRequire(process.execPath), { ${members.join(", ")} })`;
  // Not by `require`, which there is none of where the program was started with --input-type=module.
  return `var __name = (value) => value;\nimport("node:module").then(({ createRequire }) => ${program});`;
}
