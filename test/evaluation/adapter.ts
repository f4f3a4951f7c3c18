/**
 * Says how good an adapter is: how many of the facts that a photograph shows its descriptions tell, in which language, how fast,
 * and what they use up. The photographs are those of the examples, which are free of copyright restrictions.
 *
 *     npm run evaluate                                 localAI, which tells colours and no facts
 *     npm run evaluate -- --adapter ./my-adapter.ts    a module whose default export is an AIAdapter, or makes one
 *     npm run evaluate -- --show                       with the descriptions
 */
import { isAbsolute, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import type { AIAdapter } from "upload-processor";
import { localAI } from "upload-processor/local-ai";
import { evaluate } from "./adapter/evaluate.js";
import { tableOf } from "./adapter/table.js";

const { values } = parseArgs({ options: { adapter: { type: "string" }, show: { type: "boolean", default: false } } });
const evaluated = await evaluate(values.adapter === undefined ? localAI() : await load(values.adapter));
console.log(tableOf(evaluated));
if (values.show) for (const { photo, description } of evaluated) console.log(`\n${photo}: ${description}`);

async function load(path: string): Promise<AIAdapter> {
  // npm starts scripts in the folder of the package; a path is meant from where the user is.
  const from = process.env.INIT_CWD ?? process.cwd();
  const isPath = path.startsWith(".") || isAbsolute(path);
  const module = await import(isPath ? pathToFileURL(resolve(from, path)).href : path);
  const given: unknown = typeof module.default === "function" ? await module.default() : module.default;
  if (typeof given !== "object" || given === null || !("describe" in given))
    throw new Error(`${path}: expected its default export to be an AIAdapter, or a function that makes one`);
  return given as AIAdapter;
}
