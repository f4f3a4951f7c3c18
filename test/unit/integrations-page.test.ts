import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";

const source = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");
const page = source("src/integrations/README.md");

describe("the page on engines", () => {
  test("has a heading for every engine; the other integrations have pages of their own", () => {
    const files = readdirSync(new URL("../../src/integrations", import.meta.url));
    const pages = files.filter((name) => name.endsWith(".md") && name !== "README.md");
    const isOnOwnPage = (name: string) => pages.some((own) => name.startsWith(own.replace(/\.md$/, "")));
    const { exports } = JSON.parse(source("package.json")) as { exports: Record<string, unknown> };
    const integrations = Object.keys(exports)
      .map((subpath) => subpath.slice("./".length))
      .filter((name) => files.includes(`${name}.ts`) && !isOnOwnPage(name))
      .map((name) => `upload-processor/${name}`);
    const headings = [...page.matchAll(/^## (upload-processor\/\S+)$/gm)].map(([, heading]) => heading);
    expect(headings.sort()).toEqual(integrations.sort());
  });

  test.each([
    ["BullMQ", "What becomes of a result", "bullmq"],
    ["pg-boss", "What becomes of a result in pg-boss", "pg-boss"],
  ])("each row of the outcomes in %s has a test of that name, and the other way round", (_, heading, file) => {
    const [, table = ""] = page.split(`\n### ${heading}\n`);
    const rows = [...(table.split("\n### ", 1)[0] ?? "").matchAll(/^\| ([a-z].+?) \| /gm)].map(([, row = ""]) => row);
    const tests = [...source(`test/integration/${file}-outcomes.test.ts`).matchAll(/^ {2}test\("(.+?):/gm)];
    const tested = new Set(tests.map(([, name = ""]) => name));
    expect(tested.delete("a job that is none of ours")).toBe(true);
    expect([...tested].sort()).toEqual(rows.filter((row) => row !== "result").sort());
    expect(rows.length).toBeGreaterThan(8);
  });
});
