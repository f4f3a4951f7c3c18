import { cp, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { bundlingPage, configurationOf, installingSharp } from "./page.js";
import { createProject, npmInstall, readManifest, repository, run } from "./project.js";

/** No JPEG, which would be told without file-type. */
const photo = join(repository, "examples/photos/coffee.webp");
const NODE = process.execPath;
const BANNER = / {2}banner: \{[\s\S]*?\n {2}\},\n/;

let project: string;
/** Where the bundles run: nothing is there but they and sharp. */
let server: string;
/** What comes out without a bundler. */
let expected: unknown;

beforeAll(async () => {
  server = await mkdtemp(join(tmpdir(), "upload-processor-server-"));
  project = await createProject(inject("tarball"), {
    esbuild: "^0.28.0",
    rollup: "^4.0.0",
    "@rollup/plugin-commonjs": "^29.0.0",
    "@rollup/plugin-node-resolve": "^16.0.0",
  });
  await cp(join(repository, "test/package/bundled"), project, { recursive: true });
  await writeFile(join(project, "package.json"), JSON.stringify({ ...(await readManifest(project)), type: "module" }));
  await npmInstall(server, ...installingSharp());
  expected = await outcomeOf(join(project, "main.js"), project);
});

afterAll(() => Promise.all([project, server].map((folder) => rm(folder, { recursive: true, force: true }))));

/** Runs a program that has to exit by itself, without a warning. */
async function outcomeOf(program: string, folder: string): Promise<unknown> {
  const { stdout, stderr } = await run(NODE, [program, photo], folder, { timeout: 110_000 });
  expect(stderr).toBe("");
  return JSON.parse(stdout);
}

/** Builds with a configuration, and takes what it made, and nothing else, to the server. */
async function build(configuration: string, text: string): Promise<void> {
  await rm(join(project, "dist"), { recursive: true, force: true });
  await writeFile(join(project, configuration), text);
  const rollup = ["node_modules/rollup/dist/bin/rollup", "--config", configuration, "--failAfterWarnings"];
  await run(NODE, configuration.startsWith("rollup") ? rollup : [configuration], project);
  await cp(join(project, "dist"), join(server, "dist"), { recursive: true });
}

test("without a bundler a photo gets all that it should", () => {
  const refused = { ofUs: true, name: "UploadError", code: "STORAGE_FAILED" };
  expect(expected).toEqual({
    warnings: [],
    description: expect.stringContaining("image"),
    embedding: 420,
    thumbnail: [0xff, 0xd8, 0xff],
    completedByTheBatch: 1,
    refused: [refused, refused],
  });
});

test.each([
  ["esbuild-esm.mjs", "dist/esbuild.mjs"],
  ["esbuild-cjs.mjs", "dist/esbuild.cjs"],
  ["rollup.config.mjs", "dist/rollup.mjs"],
])("%s of the page makes a bundle that does the same beside nothing but sharp", async (configuration, bundle) => {
  await build(configuration, configurationOf(configuration));
  expect(await outcomeOf(bundle, server)).toEqual(expected);
});

test("without its banner an ES module by esbuild does not come far, as the page says", async () => {
  const text = configurationOf("esbuild-esm.mjs").replace(BANNER, "");
  await build("esbuild-esm.mjs", text);
  await expect(outcomeOf("dist/esbuild.mjs", server)).rejects.toThrow('Dynamic require of "tty" is not supported');
});

test.each(["esm", "cjs"])("with all packages outside a bundle needs no more than that, in %s", async (format) => {
  const configuration = `esbuild-${format}.mjs`;
  const text = configurationOf(configuration)
    .replace('external: ["sharp"]', 'packages: "external"')
    .replace(BANNER, "");
  await build(configuration, text);
  expect(await outcomeOf(`dist/esbuild.${format === "esm" ? "mjs" : "cjs"}`, project)).toEqual(expected);
});

test("the page installs the sharp that we depend on", async () => {
  const { dependencies } = await readManifest(repository);
  const [, version] = dependencies.sharp.match(/^\^(\d+\.\d+)/);
  expect(bundlingPage).toContain(`sharp@${version}\n`);
});
