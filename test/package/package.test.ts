import { cp, rm } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { NODE_VERSIONS, nodePath } from "./nodes.js";
import { createProject, repository, run } from "./project.js";

const LATEST_NODE = "26";

const photo = join(repository, "examples/photos/rocket.jpg");
const webp = join(repository, "examples/photos/coffee.webp");

let project: string;

beforeAll(async () => {
  project = await createProject(inject("tarball"), { jest: "^30.0.0", bullmq: "^6.0.0" });
  await cp(join(repository, "test/package/consumers"), project, { recursive: true });
});

afterAll(() => rm(project, { recursive: true, force: true }));

describe.each(NODE_VERSIONS)("on Node %s", (version) => {
  test("that is the version", async () => {
    expect((await run(nodePath(version), ["--version"], project)).stdout.trim()).toMatch(
      new RegExp(`^v${version}(?:\\.|$)`),
    );
  });

  test.each(["import.mjs", "require.cjs"])(
    "%s does a real job with every entry point, and exits by itself",
    async (consumer) => {
      const { stderr } = await run(nodePath(version), [consumer, photo], project, { timeout: 110_000 });
      expect(stderr).toBe("");
    },
  );
});

describe("in Jest, which runs tests in a realm of their own", () => {
  const jest = "node_modules/jest/bin/jest.js";

  test("the example passes", async () => {
    const example = "testing-with-jest.test.cjs";
    await cp(join(repository, "examples", example), join(project, example));
    await run(process.execPath, ["--experimental-vm-modules", jest, `--testMatch=**/${example}`], project);
  });

  test("without import(), as Jest runs CommonJS by default, a JPEG is done, and the contracts are passed", () =>
    run(process.execPath, [jest, "--testMatch=**/jest.test.cjs"], project));
});

describe("loads on first use", () => {
  test.each([
    ["import", ["eventemitter3", "is-network-error", "p-limit", "p-retry", "yocto-queue"]],
    ["require", ["eventemitter3"]],
  ])("by %s", async (format, byTheRoot) => {
    // Not a JPEG: that is told without file-type.
    const { stdout } = await run(nodePath(LATEST_NODE), ["loading.mjs", format, webp], project, { timeout: 110_000 });
    const loaded = JSON.parse(stdout);
    expect(loaded).toMatchObject({ byTheRoot, byTheSubpaths: byTheRoot });
    expect(loaded.byTheJob).toEqual(expect.arrayContaining(["file-type", "sharp"]));
  });
});
