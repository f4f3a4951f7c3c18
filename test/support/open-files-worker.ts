/** Uses up its file descriptors, makes thumbnails by path, gives them back, and prints what came of each as JSON. */
import { closeSync, openSync } from "node:fs";
import { makeThumbnail } from "../../src/media/thumbnail.js";

const files = process.argv.slice(2).map((file) => ({ path: file, mimeType: `image/${file.split(".").at(-1)}` }));
const settings = { size: 64, format: "jpeg", quality: 80, background: "#ffffff", limitInputPixels: 1e8 } as const;

async function outcomes(): Promise<unknown[]> {
  const results: unknown[] = [];
  for (const { path, mimeType } of files) {
    const outcome = makeThumbnail({ input: path, mimeType }, settings);
    results.push(await outcome.then(() => "made", ({ code, retryable }) => ({ code, retryable }))); // biome-ignore format: one idea
  }
  return results;
}

await outcomes(); // loads all that takes file descriptors for good
const open: number[] = [];
try {
  for (;;) open.push(openSync("/dev/null", "r"));
} catch {
  // All are in use.
}
const without = await outcomes();
for (const descriptor of open) closeSync(descriptor);
console.log(JSON.stringify({ without, again: await outcomes() }));
