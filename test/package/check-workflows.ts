/**
 * Compiles the examples over workflow engines, whose packages take some hundred megabytes: `npm run check:workflows`. Not a part of
 * the tests for that reason alone.
 */
import { cp, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { npmInstall, readManifest, repository, run } from "./project.js";

const project = await mkdtemp(join(tmpdir(), "upload-processor-workflows-"));
try {
  for (const folder of ["engines", "workflows"])
    await cp(join(repository, "examples", folder), join(project, folder), { recursive: true });
  const packed = await run("npm", ["pack", "--json", "--pack-destination", project], repository);
  const [{ filename }] = JSON.parse(packed.stdout.slice(packed.stdout.indexOf("[")));
  const { dependencies } = await readManifest(join(project, "workflows"));
  const manifest = {
    private: true,
    dependencies: { ...dependencies, "upload-processor": `file:${join(project, filename)}` },
  };
  await writeFile(join(project, "package.json"), JSON.stringify(manifest));
  await npmInstall(project);
  await run(process.execPath, ["node_modules/typescript/bin/tsc", "-p", "workflows"], project);
  console.log("examples/workflows compile");
} finally {
  await rm(project, { recursive: true, force: true });
}
