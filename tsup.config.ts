import { defineConfig, type Options } from "tsup";

const shared: Options = {
  entry: {
    index: "src/index.ts",
    fs: "src/adapters/fs.ts",
    memory: "src/adapters/memory.ts",
    postgres: "src/adapters/postgres.ts",
    "local-ai": "src/adapters/local-ai.ts",
    testing: "src/testing/index.ts",
  },
  target: "node20",
  platform: "node",
  dts: true,
  sourcemap: true,
};

export default defineConfig([
  { ...shared, format: "esm" },
  // p-retry and p-limit are ESM only: `require` cannot load them on every Node that we support, so the CommonJS build
  // carries them. file-type is ESM only as well, but is loaded by a dynamic import, which works from CommonJS.
  { ...shared, format: "cjs", noExternal: ["p-retry", "is-network-error", "p-limit", "yocto-queue"] },
]);
