/** Makes a temporary file in the folder that it is given, prints its directory, and keeps it until the standard input ends; then it is removed. */
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { createTemporaryFile } from "../../src/media/temporary-file.js";

process.env.TMPDIR = process.argv[2]; // not before, because tsx has temporary files, too
const { path, remove } = await createTemporaryFile((path) => writeFile(path, "an original"));
console.log(dirname(path));
await once(process.stdin.resume(), "end");
await remove();
