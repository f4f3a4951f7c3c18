import { describe, expect, test } from "vitest";
import { isNodeTooOld } from "../support/pg-boss.js";
import { stressEngine } from "./engines/engine-run.js";

const { TEST_REDIS_URL: redis, TEST_POSTGRES_URL: postgres } = process.env;

describe.skipIf(redis === undefined || postgres === undefined)("four workers of an engine", () => {
  test.each(["bullmq", ...(isNodeTooOld ? [] : ["pg-boss"])])(
    "%s: one is killed, one ends, one is frozen past its lock and lease: everything is completed once",
    async (engine) => {
      const report = await stressEngine({ engine, uploads: 200, redis: redis ?? "", postgres: postgres ?? "" });
      expect(report).toMatchObject({ uploads: 200, problems: [] });
    },
    240_000,
  );
});
