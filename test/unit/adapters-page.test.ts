import { readdirSync, readFileSync } from "node:fs";
import ts from "typescript";
import { describe, expect, test } from "vitest";

const source = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");
const page = source("src/adapters/README.md");

const integrations = readdirSync(new URL("../../src/integrations/", import.meta.url));
const isIntegration = (subpath: string) =>
  ["ts", "md"].every((kind) => integrations.includes(`${subpath.slice(2)}.${kind}`));

/** The names of an interface's members. */
function membersOf(file: string, name: string): string[] {
  const { statements } = ts.createSourceFile(file, source(file), ts.ScriptTarget.Latest, true);
  const found = statements.filter(ts.isInterfaceDeclaration).find((each) => each.name.text === name);
  return (found?.members ?? []).map((member) => member.name?.getText() ?? "");
}

/** The first column of each table below a heading. */
function namesUnder(heading: string): string[] {
  const [, section = ""] = page.split(`\n## ${heading}\n`);
  const rows = (section.split("\n## ", 1)[0] ?? "").matchAll(/^\| (`.+?`) \| /gm);
  return [...rows].flatMap(([, cell = ""]) => [...cell.matchAll(/`(\w+)(?:\(\))?`/g)].map(([, name = ""]) => name));
}

describe("the page on adapters", () => {
  test("has a heading for every subpath, but for the root and the integrations, which have pages of their own", () => {
    const { exports } = JSON.parse(source("package.json"));
    const subpaths = Object.keys(exports).filter(
      (path) => path !== "." && path !== "./package.json" && !isIntegration(path),
    );
    const headings = [...page.matchAll(/^## (upload-processor\/\S+)$/gm)].map(([, heading]) => heading);
    expect(headings.sort()).toEqual(subpaths.map((path) => `upload-processor${path.slice(1)}`).sort());
  });

  test.each([
    ["upload-processor/postgres", "src/adapters/postgres/options.ts", ["PostgresRepositoryOptions"]],
    ["upload-processor/s3", "src/adapters/s3/options.ts", ["S3StorageOptions"]],
    ["upload-processor/memory", "src/adapters/memory/repository.ts", ["MemoryRepositoryOptions"]],
    ["upload-processor/ai-sdk", "src/adapters/ai-sdk/options.ts", ["AiSdkOptions"]],
    ["upload-processor/ollama", "src/adapters/ollama/options.ts", ["OllamaOptions"]],
    ["upload-processor/ffmpeg", "src/adapters/ffmpeg/options.ts", ["FfmpegOptions"]],
    ["upload-processor/heic", "src/adapters/heic.ts", ["HeicOptions"]],
    ["Your own model", "src/contracts/ai.ts", ["AIAdapter", "Media"]],
    ["Your own decoder", "src/contracts/decoder.ts", ["MediaDecoder"]],
  ])("%s: every option, and no other", (heading, file, types) => {
    const members = types.flatMap((type) => membersOf(file, type));
    expect(members.length).toBeGreaterThan(0);
    expect(namesUnder(heading).sort()).toEqual(members.sort());
  });
});
