import { existsSync, readdirSync, readFileSync } from "node:fs";
import ts from "typescript";
import { describe, expect, test } from "vitest";
import { descriptionQuality } from "../../src/index.js";
import { PROMPTS } from "../../src/quality/phrases/prompts.js";
import { REASONING } from "../../src/quality/phrases/reasoning.js";
import { REFUSALS } from "../../src/quality/phrases/refusals.js";
import { figuresOf, judge } from "../evaluation/quality/figures.js";
import { labelledSet } from "../evaluation/quality/labelled-set.js";

const source = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");
const page = source("src/quality.md");

/** The cells of the rows below a heading, without the line of headings. */
function rowsUnder(heading: string): string[][] {
  const [, section = ""] = page.split(heading);
  const lines = (section.split("\n## ", 1)[0] ?? "").split("\n").filter((line) => line.startsWith("| "));
  return lines.slice(2).map((line) => line.slice(2, -2).split(/(?<!\\) \| /));
}

/** The members of an interface, or of a union of texts. */
function namesOf(file: string, type: string): { name: string; byDefault: string | undefined }[] {
  const { statements } = ts.createSourceFile(file, source(file), ts.ScriptTarget.Latest, true);
  for (const statement of statements) {
    if (ts.isInterfaceDeclaration(statement) && statement.name.text === type) {
      return statement.members.map((member) => {
        const tag = ts.getJSDocTags(member).find(({ tagName }) => tagName.text === "default");
        const byDefault = ts.getTextOfJSDocComment(tag?.comment);
        return { name: member.name?.getText() ?? "", byDefault: byDefault?.trim() };
      });
    }
    if (ts.isTypeAliasDeclaration(statement) && statement.name.text === type) {
      const all = ts.isUnionTypeNode(statement.type) ? statement.type.types : [];
      return all.map((each) => ({ name: each.getText().slice(1, -1), byDefault: undefined }));
    }
  }
  return [];
}

describe("the page on quality", () => {
  test("has every option, with the default that its docstring tells", () => {
    const told = rowsUnder("# Descriptions that are worth storing").map(([name = "", byDefault]) => {
      return { name: name.replaceAll("`", ""), byDefault };
    });
    expect(told).toEqual(namesOf("src/quality.ts", "DescriptionQualityOptions"));
  });

  test("has every kind of issue, and no other; and so has the docstring", () => {
    const kinds = namesOf("src/quality/finding.ts", "Kind").map(({ name }) => name);
    expect(kinds.length).toBeGreaterThan(8);
    expect(rowsUnder("\n## What is found\n").map(([kind]) => kind)).toEqual(kinds.map((kind) => `\`${kind}\``));
    for (const kind of kinds) expect(source("src/quality.ts")).toContain(`\`${kind}\``);
  });

  test("tells how many languages have phrases", () => {
    expect(page).toContain(`thinks aloud | phrases in ${Object.keys(REASONING).length} languages`);
    expect(page).toContain(`beginnings of prompts in ${Object.keys(PROMPTS).length} languages`);
    expect(page).toContain(`sees no image | phrases in ${Object.keys(REFUSALS).length} languages`);
  });

  test("has the figures of today", () => {
    const set = labelledSet();
    const judged = judge(descriptionQuality(), set);
    const figures = (["tuning", "held out"] as const).map((half) => {
      const { good, bad, precision, recall } = figuresOf(judged.filter((one) => one.half === half));
      return [half, String(good), String(bad), precision.toFixed(3), recall.toFixed(3)];
    });
    expect(rowsUnder("\n## How good it is\n")).toEqual(figures);
    const byHand = set.filter(({ kind, isMade }) => kind !== "good" && !isMade).length;
    expect(page).toContain(`${byHand} of the bad ones`);
    expect(page).toContain(`a labelled set in ${new Set(set.map(({ language }) => language)).size} languages`);
  });

  test("names commands and files that are there", () => {
    const { scripts } = JSON.parse(source("package.json"));
    for (const [, name = ""] of page.matchAll(/npm run ([\w:]+)/g)) expect(scripts).toHaveProperty([name]);
    for (const [, path = ""] of page.matchAll(/`((?:test|src)\/[^\s`]+)`/g))
      expect(existsSync(new URL(`../../${path}`, import.meta.url))).toBe(true);
  });

  test("is linked from the pages where one looks for it", () => {
    const pages = readdirSync(new URL("../../src", import.meta.url), { recursive: true, encoding: "utf8" });
    expect(pages).toContain("quality.md");
    expect(source("src/options.md")).toContain("](quality.md)");
    expect(source("src/adapters/README.md")).toContain("](../quality.md)");
    expect(source("CHANGELOG.md")).toContain("](src/quality.md)");
  });
});
