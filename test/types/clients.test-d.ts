import { PGlite } from "@electric-sql/pglite";
import pg from "pg";
import { pino } from "pino";
import { expectTypeOf, test } from "vitest";
import { postgresRepository } from "../../src/adapters/postgres.js";
import { assertCompleted, type Logger, processUploadWithRetry } from "../../src/index.js";
import { ai, storage } from "./fixtures.js";

test("clients of PostgreSQL fit postgresRepository", async () => {
  postgresRepository(new pg.Client());
  postgresRepository(await new pg.Pool().connect());
  postgresRepository(new PGlite());
  const repository = postgresRepository(new pg.Pool());
  const result = await processUploadWithRetry("1", { storage, ai, repository });
  assertCompleted(result);
  expectTypeOf(result.upload.createdAt).toEqualTypeOf<Date>();
  // @ts-expect-error no client
  postgresRepository("postgres://localhost");
});

test("loggers fit as they are", () => {
  expectTypeOf(pino()).toExtend<Logger>();
  expectTypeOf(pino().child({ module: "uploads" })).toExtend<Logger>();
  expectTypeOf(console).toExtend<Logger>();
});
