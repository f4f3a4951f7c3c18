import { randomUUID } from "node:crypto";
import { cp, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { npmInstall, readManifest, repository, run } from "./project.js";

const { TEST_POSTGRES_URL, TEST_REDIS_URL } = process.env;
let project: string;

/** The examples over frameworks that are too heavy for our own devDependencies: a package of their own, over what we would publish. */
beforeAll(async () => {
  project = await mkdtemp(join(tmpdir(), "upload-processor-engines-"));
  await cp(join(repository, "examples/engines"), project, { recursive: true });
  const { dependencies, ...manifest } = await readManifest(project);
  const packed = { ...dependencies, "upload-processor": `file:${inject("tarball")}` };
  await writeFile(join(project, "package.json"), JSON.stringify({ ...manifest, dependencies: packed }));
  await cp(join(repository, "examples/photos"), join(project, "photos"), { recursive: true });
  await npmInstall(project);
  await run(
    process.execPath,
    ["node_modules/typescript/bin/tsc", "-p", ".", "--noEmit", "false", "--outDir", "out"],
    project,
  );
});

afterAll(() => rm(project, { recursive: true, force: true }));

/** In a schema of its own. */
async function runExample(name: string, env: NodeJS.ProcessEnv) {
  const script = `run-${name}.mjs`;
  await cp(join(repository, "test/package/consumers", script), join(project, script));
  const schema = `engines_${randomUUID().slice(0, 8)}`;
  const client = new pg.Client(TEST_POSTGRES_URL);
  await client.connect();
  try {
    await client.query(`create schema ${schema}`);
    const url = new URL(TEST_POSTGRES_URL as string);
    url.searchParams.set("options", `-c search_path=${schema}`);
    const PHOTOS = join(project, "photos");
    const schemas = { GRAPHILE_WORKER_SCHEMA: `${schema}_jobs`, DBOS_SCHEMA: `${schema}_jobs` };
    const program = await run(process.execPath, [script], project, {
      env: { ...process.env, ...env, ...schemas, DATABASE_URL: url.href, PHOTOS },
    });
    expect(program.stdout).toContain("done");
  } finally {
    await client.query(`drop schema ${schema} cascade; drop schema if exists ${schema}_jobs cascade`);
    await client.end();
  }
}

test.skipIf(TEST_POSTGRES_URL === undefined || TEST_REDIS_URL === undefined)("the NestJS example runs", () =>
  runExample("nestjs", { REDIS_URL: TEST_REDIS_URL }),
);

test.skipIf(TEST_POSTGRES_URL === undefined)("the example over Graphile Worker runs", () =>
  runExample("graphile-worker", {}),
);

test.skipIf(TEST_POSTGRES_URL === undefined)("the example over DBOS runs, also when its worker is killed", () =>
  runExample("dbos", { LEASE_MS: "3000" }),
);
