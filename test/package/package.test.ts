import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

/** The lowest that we support, exactly, and the newest of every line that is still maintained. */
const NODE_VERSIONS = ["20.9.0", "20", "22", "24", "26"];
/** The lowest that we support, and what we build with. */
const TYPESCRIPT_VERSIONS = ["5.4", "5.9"];
const LATEST_NODE = "26";

const repository = fileURLToPath(new URL("../..", import.meta.url));
const photo = join(repository, "examples/photos/rocket.jpg");
const webp = join(repository, "examples/photos/coffee.webp");
/** Node itself is large: it is kept until the next `npm ci`. */
const nodes = join(repository, "node_modules/.cache/node-versions");
const nodePath = (version: string) => join(nodes, "node_modules", `node-${version}`, "bin/node");

let project: string;

beforeAll(async () => {
  project = await mkdtemp(join(tmpdir(), "upload-processor-package-"));
  await Promise.all([installPackage(), installNodes()]);
});

afterAll(() => rm(project, { recursive: true, force: true }));

/** The packed tarball in an empty project, with the versions of its dependencies that the other tests run with. */
async function installPackage(): Promise<void> {
  const { stdout } = await run("npm", ["pack", "--json", "--pack-destination", project], repository);
  const [{ filename }] = JSON.parse(stdout.slice(stdout.indexOf("[\n")));
  const { dependencies, devDependencies } = JSON.parse(await readFile(join(repository, "package.json"), "utf8"));
  const tools = TYPESCRIPT_VERSIONS.map((version) => [`typescript-${version}`, `npm:typescript@~${version}.0`]);
  const manifest = {
    private: true,
    dependencies: {
      ...Object.fromEntries(await Promise.all(Object.keys(dependencies).map(installedVersion))),
      "@types/node": devDependencies["@types/node"],
      ...Object.fromEntries(tools),
      jest: "^30.0.0",
      "upload-processor": `file:${filename}`,
    },
  };
  await cp(join(repository, "test/package/consumers"), project, { recursive: true });
  await writeFile(join(project, "package.json"), JSON.stringify(manifest));
  await npmInstall(project);
}

async function installedVersion(name: string): Promise<[name: string, version: string]> {
  const manifest = await readFile(join(repository, "node_modules", name, "package.json"), "utf8");
  return [name, JSON.parse(manifest).version];
}

/** The binaries of Node, which come as packages of their own. */
async function installNodes(): Promise<void> {
  const prefix = process.platform === "darwin" && process.arch === "arm64" ? "node-bin" : "node";
  const binary = `${prefix}-${process.platform === "win32" ? "win" : process.platform}-${process.arch}`;
  const dependencies = NODE_VERSIONS.map((version) => [`node-${version}`, `npm:${binary}@${version}`]);
  await mkdir(nodes, { recursive: true });
  await writeFile(join(nodes, "package.json"), JSON.stringify({ dependencies: Object.fromEntries(dependencies) }));
  await npmInstall(nodes);
}

function npmInstall(directory: string) {
  return run("npm", ["install", "--prefer-offline", "--no-audit", "--no-fund", "--ignore-scripts"], directory);
}

/** Rejects when the program fails, with what it printed, and when it does not exit by itself. */
async function run(program: string, parameters: readonly string[], cwd = project, timeout = 240_000) {
  try {
    return await promisify(execFile)(program, parameters, { cwd, timeout, maxBuffer: 2 ** 24 });
  } catch (error) {
    const { stdout, stderr, killed } = error as { stdout: string; stderr: string; killed: boolean };
    const reason = killed ? `did not exit within ${timeout} ms` : "failed";
    throw new Error(`${program} ${parameters.join(" ")} ${reason}:\n${stdout}${stderr}`);
  }
}

describe.each(NODE_VERSIONS)("on Node %s", (version) => {
  test("that is the version", async () => {
    expect((await run(nodePath(version), ["--version"])).stdout.trim()).toMatch(new RegExp(`^v${version}(?:\\.|$)`));
  });

  test.each(["import.mjs", "require.cjs"])(
    "%s does a real job with every entry point, and exits by itself",
    async (consumer) => {
      const { stderr } = await run(nodePath(version), [consumer, photo], project, 30_000);
      expect(stderr).toBe("");
    },
  );
});

describe("in Jest, which runs tests in a realm of their own", () => {
  const jest = "node_modules/jest/bin/jest.js";

  test("the example passes", async () => {
    const example = "testing-with-jest.test.cjs";
    await cp(join(repository, "examples", example), join(project, example));
    await run(process.execPath, ["--experimental-vm-modules", jest, `--testMatch=**/${example}`]);
  });

  test("without import(), as Jest runs CommonJS by default, a JPEG is done, and the contracts are passed", () =>
    run(process.execPath, [jest, "--testMatch=**/jest.test.cjs"]));
});

describe("loads on first use", () => {
  test.each([
    ["import", ["eventemitter3", "is-network-error", "p-limit", "p-retry", "yocto-queue"]],
    ["require", ["eventemitter3"]],
  ])("by %s", async (format, byTheRoot) => {
    // Not a JPEG: that is told without file-type.
    const { stdout } = await run(nodePath(LATEST_NODE), ["loading.mjs", format, webp], project, 30_000);
    const loaded = JSON.parse(stdout);
    expect(loaded).toMatchObject({ byTheRoot, byTheSubpaths: byTheRoot });
    expect(loaded.byTheJob).toEqual(expect.arrayContaining(["file-type", "sharp"]));
  });
});

describe.each(TYPESCRIPT_VERSIONS)("with TypeScript %s", (version) => {
  test.each([
    ["node10, CommonJS", { module: "CommonJS", moduleResolution: "Node10" }, "consumer.ts"],
    ["node16, CommonJS", { module: "Node16", moduleResolution: "Node16" }, "consumer.cts"],
    ["node16, ESM", { module: "Node16", moduleResolution: "Node16" }, "consumer.mts"],
    ["bundler", { module: "ESNext", moduleResolution: "Bundler" }, "consumer.ts"],
  ])("a consumer compiles: %s", async (name, resolution, file) => {
    const folder = join(project, `${version} ${name}`);
    await mkdir(folder);
    await cp(join(project, "consumer.ts"), join(folder, file));
    const strict = { strict: true, exactOptionalPropertyTypes: true, skipLibCheck: false };
    const compilerOptions = { target: "ES2022", types: ["node"], noEmit: true, ...strict, ...resolution };
    await writeFile(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, files: [file] }));
    await run(process.execPath, [join(project, `node_modules/typescript-${version}/bin/tsc`), "-p", folder]);
  });
});
