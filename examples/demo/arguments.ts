import { createHash } from "node:crypto";
import { basename, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

/** What the user can put right: shown as one line, without a stack. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

export interface Arguments {
  /** The folder of photographs: read, never written. */
  readonly folder: string;
  /** Where the database, the thumbnails and the contact sheet go. */
  readonly out: string;
  readonly retryFailed: boolean;
  /** How much longer a description shall take, in milliseconds. */
  readonly slowMs: number;
  readonly help: boolean;
}

export const USAGE = `Usage: npm run demo -- [folder] [options]

Makes a thumbnail, a description and an embedding of every photograph in the folder (by default
examples/photos) and its subfolders, and a contact sheet of all. Takes videos where ffmpeg is
installed, and HEIC where libheif-js is. Run it again and only what is
new is done; interrupt it and the next run continues.

  --out DIR        where database, thumbnails and contact sheet go  [.demo/<folder>-<hash>]
  --retry-failed   try photographs again that failed in an earlier run
  --slow MS        let every description take that much longer: to watch it, to interrupt it
  --help           this text

Exit codes: 0 every photograph is settled, also when some of them failed; 1 something broke;
2 bad arguments, or no photographs; 130 interrupted by Ctrl-C, 143 by SIGTERM.`;

const EXAMPLE_PHOTOS = fileURLToPath(new URL("../photos", import.meta.url));

/** @throws UsageError */
export function readArguments(args: readonly string[]): Arguments {
  const { values, positionals } = parse(args);
  const [given, ...more] = positionals;
  if (more.length > 0) throw new UsageError(`expected one folder, got ${positionals.length}`);
  const folder = given === undefined ? EXAMPLE_PHOTOS : resolveGiven(given);
  const out = values.out === undefined ? defaultOut(folder) : resolveGiven(values.out);
  if (out === folder) throw new UsageError("--out is the folder of photographs itself, which is never written to");
  const slowMs = Number(values.slow);
  if (!Number.isInteger(slowMs) || slowMs < 0)
    throw new UsageError(`--slow: expected milliseconds, got "${values.slow}"`);
  return { folder, out, slowMs, retryFailed: values["retry-failed"], help: values.help };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        out: { type: "string" },
        "retry-failed": { type: "boolean", default: false },
        slow: { type: "string", default: "0" },
        help: { type: "boolean", short: "h", default: false },
      },
    });
  } catch (error) {
    // Its messages go on for three lines about "--", of which the first sentence is to the point.
    const [reason] = error instanceof Error ? error.message.split(/\. |\n/) : [];
    throw new UsageError(`${reason}; --help lists the options`);
  }
}

/** npm starts scripts in the package's folder, and tells where the user was. */
function resolveGiven(path: string): string {
  return resolve(process.env.INIT_CWD ?? "", path);
}

/** A folder of its own for every folder of photographs, also for two of the same name. */
function defaultOut(folder: string): string {
  const hash = createHash("sha256").update(folder).digest("hex").slice(0, 6);
  return resolve(join(".demo", `${basename(folder) || "root"}-${hash}`));
}
