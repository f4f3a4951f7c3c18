import { cp, mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, inject, test } from "vitest";
import { createProject, readManifest, repository, run } from "./project.js";

/** The lowest that we support, what we build with, and what has come since. */
const VERSIONS = ["5.4", "5.9", "6.0", "7.0"];

let project: string;

beforeAll(async () => {
  const { devDependencies } = await readManifest(repository);
  project = await createProject(inject("tarball"), {
    "@types/node": devDependencies["@types/node"],
    ...Object.fromEntries(VERSIONS.map((version) => [`typescript-${version}`, `npm:typescript@~${version}.0`])),
  });
});

afterAll(() => rm(project, { recursive: true, force: true }));

/** TypeScript 7 has no such resolution any more, and 6 wants to be told that this is known. */
function node10(version: string) {
  if (version === "7.0") return [];
  const known = version === "6.0" ? { ignoreDeprecations: "6.0" } : {};
  return [["node10, CommonJS", { module: "CommonJS", moduleResolution: "Node10", ...known }, "ts"] as const];
}

describe.each(VERSIONS)("with TypeScript %s", (version) => {
  test.each([
    ...node10(version),
    ["node16, CommonJS", { module: "Node16", moduleResolution: "Node16" }, "cts"],
    ["node16, ESM", { module: "Node16", moduleResolution: "Node16" }, "mts"],
    ["bundler", { module: "ESNext", moduleResolution: "Bundler" }, "ts"],
  ] as const)("code that uses every public name compiles: %s", (name, resolution, extension) =>
    compile(version, name, "test/types/public-api.test-d.ts", extension, {
      ...{ types: ["node"], exactOptionalPropertyTypes: true, skipLibCheck: false },
      ...resolution,
    }),
  );

  // A browser's project that shares types with its server, say.
  test("code without the types of Node compiles, if it does not check those of libraries", () =>
    compile(version, "without Node", "test/package/consumers/without-node-types.ts", "ts", {
      ...{ types: [], lib: ["ES2022", "DOM"], skipLibCheck: true },
      ...{ module: "ESNext", moduleResolution: "Bundler" },
    }));
});

async function compile(version: string, name: string, source: string, extension: string, options: object) {
  const folder = join(project, `${version} ${name}`);
  const file = `consumer.${extension}`;
  const compilerOptions = { target: "ES2022", strict: true, noEmit: true, ...options };
  await mkdir(folder);
  await cp(join(repository, source), join(folder, file));
  await writeFile(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, files: [file] }));
  await run(process.execPath, [join(project, `node_modules/typescript-${version}/bin/tsc`), "-p", folder], project);
}
