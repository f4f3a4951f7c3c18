import { createRequire, registerHooks } from "node:module";

const packages = new Set();
registerHooks({
  load(url, context, next) {
    const [, name] = url.match(/\/node_modules\/((?:@[^/]+\/)?[^/]+)/) ?? [];
    if (name !== undefined) packages.add(name);
    return next(url, context);
  },
});

/** What is left of the parameters is for the job. */
const [format] = process.argv.splice(2, 1);
const load = format === "import" ? (name) => import(name) : createRequire(import.meta.url);
/** Which packages were loaded besides our own, so far. */
const loaded = () => [...packages].filter((name) => name !== "upload-processor").sort();

await load("upload-processor");
const byTheRoot = loaded();
// But for ./bullmq: who imports that has loaded BullMQ.
for (const subpath of [
  "fs",
  "memory",
  "postgres",
  "local-ai",
  "s3",
  "flydrive",
  "ai-sdk",
  "ollama",
  "ffmpeg",
  "heic",
  "pg-boss",
  "progress",
  "progress-client",
  "testing",
])
  await load(`upload-processor/${subpath}`);
const byTheSubpaths = loaded();
process.on("exit", () => console.log(JSON.stringify({ byTheRoot, byTheSubpaths, byTheJob: loaded() })));
await import(format === "import" ? "./import.mjs" : "./require.cjs");
