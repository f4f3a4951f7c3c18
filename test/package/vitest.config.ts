import { defineConfig } from "vitest/config";

/** Apart from the other tests: it builds, packs and installs. */
export default defineConfig({
  test: {
    include: ["test/package/*.test.ts"],
    globalSetup: "test/package/setup.ts",
    // Much of it waits for installations. By default one of two cores would be left out.
    maxWorkers: "100%",
    testTimeout: 300_000,
    hookTimeout: 300_000,
  },
});
