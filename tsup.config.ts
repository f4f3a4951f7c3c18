import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { defineConfig, type Options } from "tsup";

const entry = {
  index: "src/index.ts",
  fs: "src/adapters/fs.ts",
  memory: "src/adapters/memory.ts",
  postgres: "src/adapters/postgres.ts",
  "local-ai": "src/adapters/local-ai.ts",
  s3: "src/adapters/s3.ts",
  flydrive: "src/adapters/flydrive.ts",
  "ai-sdk": "src/adapters/ai-sdk.ts",
  ollama: "src/adapters/ollama.ts",
  ffmpeg: "src/adapters/ffmpeg.ts",
  heic: "src/adapters/heic.ts",
  bullmq: "src/integrations/bullmq.ts",
  "pg-boss": "src/integrations/pg-boss.ts",
  otel: "src/integrations/otel.ts",
  progress: "src/integrations/progress.ts",
  "progress-client": "src/integrations/progress-client.ts",
  testing: "src/testing/index.ts",
};

/**
 * ESM only, and `require` cannot load that on every Node that we support: so the CommonJS build carries them, with their
 * licences. file-type is ESM only as well, but is loaded by a dynamic import, which works from CommonJS.
 */
const bundled = ["p-retry", "is-network-error", "p-limit", "yocto-queue"];

const shared: Options = { target: "node20", platform: "node", removeNodeProtocol: false, dts: { entry } };

/**
 * esbuild shares code between entry points in ESM alone, so every CommonJS entry point would carry error classes of its own,
 * and `instanceof UploadError` would not know what a subpath threw. They are a file of their own, which all others require; so is
 * the root, on which the integrations stand.
 */
const oneCopy: NonNullable<Options["esbuildPlugins"]>[number] = {
  name: "one-copy",
  setup(build) {
    const files = new Map([
      [resolve("src/errors.js"), "./errors.cjs"], // and no other file of that name
      [resolve("src/index.js"), "./index.cjs"],
    ]);
    build.onResolve({ filter: /\/(?:errors|index)\.js$/ }, ({ path, resolveDir, kind }) => {
      const built = kind === "entry-point" ? undefined : files.get(resolve(resolveDir, path));
      return built === undefined ? undefined : { path: built, external: true };
    });
  },
};

/**
 * The program of the HEIC worker is put together of functions, as text. This is done here, once: in the bundle of an application
 * they might not be what they were, as with the names that `keepNames` adds and `minify` changes.
 */
const workerAsText: NonNullable<Options["esbuildPlugins"]>[number] = {
  name: "worker-as-text",
  setup({ esbuild, onLoad }) {
    onLoad({ filter: /heic[/\\]worker-source\.ts$/ }, async ({ path }) => {
      const built = await esbuild.build({
        entryPoints: [path],
        bundle: true,
        write: false,
        format: "esm",
        target: "node20",
      });
      const text = built.outputFiles[0]?.text ?? "";
      const { workerSource } = await import(`data:text/javascript;base64,${Buffer.from(text).toString("base64")}`);
      const { code } = await esbuild.transform(workerSource(), { minify: true, target: "node20" });
      return { contents: `export const workerSource = () => ${JSON.stringify(code)};`, loader: "js" };
    });
  },
};

/**
 * The pages beside the code, for who looks for them in the package: below dist/docs as they are below src. That is one folder
 * deeper, so a link that leaves src climbs one more.
 */
function copyPages(): void {
  for (const page of readdirSync("src", { recursive: true, encoding: "utf8" })) {
    if (!page.endsWith(".md")) continue;
    const depth = page.split(/[/\\]/).length;
    const leaving = new RegExp(`\\]\\((?=(?:\\.\\./){${depth}})`, "g");
    const target = join("dist/docs", page);
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, readFileSync(join("src", page), "utf8").replace(leaving, "](../"));
  }
}

export default defineConfig([
  { ...shared, entry, format: "esm", esbuildPlugins: [workerAsText], onSuccess: async () => copyPages() },
  {
    ...shared,
    entry: { ...entry, errors: "src/errors.ts" },
    format: "cjs",
    esbuildPlugins: [oneCopy, workerAsText],
    noExternal: bundled,
    define: { "import.meta.url": "__filename" }, // for createRequire, which takes either
    onSuccess: async () => {
      const licences = bundled.map((name) => `${name}\n\n${readFileSync(`node_modules/${name}/license`, "utf8")}`);
      writeFileSync("dist/bundled-licences.txt", licences.join("\n\n"));
    },
  },
]);
