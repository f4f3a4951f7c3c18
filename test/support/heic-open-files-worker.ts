/** Uses up its file descriptors but for so few that no worker can start, decodes a HEIC, gives them back, and prints what came of it. */
import { closeSync, openSync } from "node:fs";
import { heic } from "../../src/adapters/heic.js";
import { Cancellation } from "../../src/async/cancellation.js";
import { takeFrames } from "../../src/media/run-decoder.js";

const path = process.argv[2] as string;

async function outcome(): Promise<unknown> {
  const decoder = heic();
  const source = { path, mimeType: "image/heic" };
  const request = { max: 1, maxSide: 64, limitPixels: 1e8, purpose: "vision" } as const;
  const limits = { signal: new Cancellation(), timeoutMs: 60_000 };
  try {
    await takeFrames({ decoder, name: "decoders[0]" }, source, request, limits, async () => {});
    return "decoded";
  } catch (error) {
    const { code, stage, fault, retryable, message } = Object(error);
    return { code, stage, fault, retryable, message };
  } finally {
    await decoder.close();
  }
}

const open: number[] = [];
try {
  for (;;) open.push(openSync("/dev/null", "r"));
} catch {
  // All are in use.
}
const none = await outcome();
closeSync(open.pop() as number);
const few = await outcome();
for (const descriptor of open) closeSync(descriptor);
console.log(JSON.stringify({ none, few, again: await outcome() }));
