import { execFileSync } from "node:child_process";
import { beforeAll, expect, test } from "vitest";
import { ensureBuilt, ROOT } from "../support/build.js";

beforeAll(ensureBuilt, 300_000);

test.each([
  ["import", 'import { ConfigurationError, RepositoryError, UploadError } from "upload-processor";'],
  ["require", 'const { ConfigurationError, RepositoryError, UploadError } = require("upload-processor");'],
])("by %s, errors are printed by the names of their classes", (format, load) => {
  const program = `${load}
const errors = [new UploadError("boom", { code: "X" }), new ConfigurationError("boom"), new RepositoryError("boom")];
for (const error of errors) console.log(require("node:util").inspect(error).split("\\n")[0], error.constructor.name);`;
  const type = format === "import" ? "module" : "commonjs";
  const code = format === "import" ? program.replace('require("node:util")', '(await import("node:util"))') : program;
  const printed = execFileSync(process.execPath, [`--input-type=${type}`, "--eval", code], {
    cwd: ROOT,
    encoding: "utf8",
  });
  expect(printed.trim().split("\n")).toEqual([
    "UploadError: boom UploadError",
    "ConfigurationError: boom ConfigurationError",
    "RepositoryError: boom RepositoryError",
  ]);
});
