import { defineConfig } from "vitest/config";

/** Apart from the other tests: it builds, packs and installs. */
export default defineConfig({
  test: {
    include: ["test/package/*.test.ts"],
    globalSetup: "test/package/setup.ts",
    testTimeout: 120_000,
    hookTimeout: 300_000,
  },
});
