import { expect, it, vi } from "vitest";
import { heic } from "../../src/adapters/heic.js";
import { frameOf, heicBench } from "../support/heic-frames.js";
import { heicFile } from "../support/heif.js";

vi.mock("node:module", async (original) => {
  const actual = await original<typeof import("node:module")>();
  const createRequire = (base: string) =>
    Object.assign({}, actual.createRequire(base), {
      resolve: (name: string) => {
        throw Object.assign(new Error(`Cannot find module '${name}'\nRequire stack:\n- x`), {
          code: "MODULE_NOT_FOUND",
        });
      },
    });
  return Object.assign({}, actual, { createRequire });
});

const bench = heicBench();

it("without libheif-js a file is the deployment's failure, which names what to install", async () => {
  const decoding = frameOf(bench.decoder(), bench.file(heicFile("plain")));
  await expect(decoding).rejects.toMatchObject({
    code: "INVALID_CONFIGURATION",
    fault: "deployment",
    message: expect.stringMatching(
      /libheif-js could not be loaded: .*libheif-bundle\.js'\. Install it with "npm install libheif-js"$/,
    ),
  });
});

it("a file that is told by its header alone does not need it", async () => {
  const probe = heic().probe({ path: bench.file(heicFile("plain")) }, { signal: new AbortController().signal });
  expect(await probe).toMatchObject({ width: 320 });
});
