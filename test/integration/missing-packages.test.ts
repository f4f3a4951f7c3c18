import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it, vi } from "vitest";
import { loadError, packageLoader } from "../../src/load-package.js";
import { endOf, startChild } from "../support/child.js";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

it("packages that are missing are the deployment's fault, and are found when they are installed meanwhile", async () => {
  const copy = mkdtempSync(join(tmpdir(), "missing-packages-test-"));
  cpSync(here("../../src"), join(copy, "src"), { recursive: true });
  cpSync(here("../support/late-install-worker.ts"), join(copy, "worker.ts"));
  writeFileSync(join(copy, "package.json"), '{ "type": "module" }');
  const { out, err } = await endOf(startChild(join(copy, "worker.ts"), [copy, here("../../node_modules")]));
  rmSync(copy, { recursive: true });
  expect(err).toBe("");
  const { failures, results } = JSON.parse(out);
  expect(results).toEqual(["works", "works"]);
  const fault = { code: "INVALID_CONFIGURATION", retryable: false };
  expect(failures).toMatchObject([fault, fault]);
  expect(failures[0].message).toContain('"npm install file-type"');
  expect(failures[1].message).toMatch(
    new RegExp(`"npm install --os=${process.platform} --cpu=${process.arch}( --libc=musl)? sharp"`),
  );
});

it("a package is required where import() fails; one that is not there either way is named, with who needs it and the remedy", async () => {
  const load = vi.fn(() => Promise.reject(new Error("no import() here")));
  const found = packageLoader({ name: "sharp", load, advice: "Install it" });
  expect(await found()).toBe(await found());
  expect(await found()).toBeTypeOf("function");
  expect(load).toHaveBeenCalledTimes(1);
  const missing = packageLoader({ name: "not-there", neededBy: "s3Storage", load, advice: async () => "Install it" });
  await expect(missing()).rejects.toMatchObject({
    code: "INVALID_CONFIGURATION",
    message: "s3Storage: not-there could not be loaded: no import() here. Install it",
  });
});

describe("loadError", () => {
  it("tells what the system lacks just now from what the deployment lacks", () => {
    const dlopen = Object.assign(new Error("libvips.so: cannot open shared object file: Too many open files"), {
      code: "ERR_DLOPEN_FAILED",
    });
    const emfile = new Error("EMFILE: too many open files, open 'package.json'");
    for (const passing of [dlopen, emfile])
      expect(loadError("sharp", passing, "Install it")).toMatchObject({ code: "STORAGE_FAILED", retryable: true });
    expect(loadError("sharp", new Error("Cannot find package\nstack"), "Install it")).toMatchObject({
      code: "INVALID_CONFIGURATION",
      retryable: false,
      message: "sharp could not be loaded: Cannot find package. Install it",
    });
  });
});
