import { cp, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, inject, test } from "vitest";
import { npmInstall, readManifest, repository, run } from "./project.js";

const examples = join(repository, "examples/engines");
let project: string;

/** The examples over frameworks that are too heavy for our own devDependencies: a package of their own, over what we would publish. */
beforeAll(async () => {
  project = await mkdtemp(join(tmpdir(), "upload-processor-engines-"));
  await cp(examples, project, { recursive: true });
  const { dependencies, ...manifest } = await readManifest(project);
  const packed = { ...dependencies, "upload-processor": `file:${inject("tarball")}` };
  await writeFile(join(project, "package.json"), JSON.stringify({ ...manifest, dependencies: packed }));
  await npmInstall(project);
});

afterAll(() => rm(project, { recursive: true, force: true }));

test("examples/engines compile", async () => {
  await run(process.execPath, ["node_modules/typescript/bin/tsc", "-p", "."], project);
});
