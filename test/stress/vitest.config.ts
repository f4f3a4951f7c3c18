import { defineConfig } from "vitest/config";

/** Apart from the other tests: workers that are killed, servers that crash, disks that are full, and a great many random runs. */
export default defineConfig({
  test: {
    include: ["test/stress/*.test.ts", "test/integration/invariants.test.ts"],
    env: { INVARIANT_RUNS: process.env.INVARIANT_RUNS ?? "2000" },
    // They use all cores themselves, and a worker that is kept from them for long loses its lease.
    fileParallelism: false,
    // What failed is told whole: a log may be all that is left of it.
    chaiConfig: { truncateThreshold: 0 },
    testTimeout: 300_000,
    hookTimeout: 300_000,
  },
});
