/**
 * Runs a copy of the library where no packages are installed, then installs them. Prints the two failures and what came of the
 * second try as JSON.
 *
 * Arguments: the folder of the copy, and the node_modules to install.
 */
import { symlinkSync } from "node:fs";
import { join } from "node:path";

const [copy = "", packages = ""] = process.argv.slice(2);
const { sniff } = await import(join(copy, "src/media/sniff.ts"));
const { makeThumbnail } = await import(join(copy, "src/media/thumbnail.ts"));
const { sampleJpeg } = await import(join(copy, "src/testing/sample-jpeg.ts"));

const png = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 13, 0x49, 0x48, 0x44, 0x52]);
const settings = { size: 16, format: "jpeg", quality: 80, background: "#ffffff", limitInputPixels: 1e8 } as const;
const failure = ({ code, retryable, message }: { code: string; retryable: boolean; message: string }) => ({
  code,
  retryable,
  message,
});

const calls = [() => sniff(png), () => makeThumbnail({ input: sampleJpeg(), mimeType: "image/jpeg" }, settings)];
const failures: unknown[] = [];
for (const call of calls) failures.push(await call().catch(failure));
symlinkSync(packages, join(copy, "node_modules"));
const results: unknown[] = [];
for (const call of calls) results.push(await call().then(() => "works", failure));
console.log(JSON.stringify({ failures, results }));
