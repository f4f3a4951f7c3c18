import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const source = (path: string) => fileURLToPath(new URL(`./src/${path}`, import.meta.url));

export default defineConfig({
  resolve: {
    // The examples import the package by its name; their tests run against the source.
    alias: [
      { find: /^upload-processor$/, replacement: source("index.ts") },
      { find: /^upload-processor\/testing$/, replacement: source("testing/index.ts") },
      {
        find: /^upload-processor\/(bullmq|pg-boss|otel|progress|progress-client)$/,
        replacement: source("integrations/$1.ts"),
      },
      { find: /^upload-processor\/(.+)$/, replacement: source("adapters/$1.ts") },
    ],
  },
  test: {
    include: ["test/{unit,contract,integration}/**/*.test.ts", "examples/**/*.test.ts"],
    // Nothing waits for a time: these end what hangs, also on a machine that is ten times as busy.
    testTimeout: 300_000,
    // What failed is told whole: a log may be all that is left of it.
    chaiConfig: { truncateThreshold: 0 },
    hookTimeout: 300_000,
    // Many tests wait: for a lease, a retry, a process. With one worker fewer than cores, one of two cores would wait with them.
    maxWorkers: "100%",
    // A program of their own: the whole project is checked by `npm run types`, which needs the build.
    typecheck: { enabled: true, include: ["test/types/**/*.test-d.ts"], tsconfig: "test/types/tsconfig.json" },
    coverage: { provider: "v8", include: ["src/**/*.ts"], reporter: ["text-summary", "json-summary"] },
  },
});
