import { readFileSync } from "node:fs";
import ts from "typescript";
import { describe, expect, test } from "vitest";

const page = readFileSync(new URL("../../src/options.md", import.meta.url), "utf8");

/** Where the options of a heading are declared, and what their names begin with on the page. */
const SECTIONS = [
  { heading: "Adapters", file: "options.ts", type: "UploadAdapters", prefix: "" },
  { heading: "Work", file: "options.ts", type: "WorkOptions", prefix: "", elsewhere: ["events", "onProgress"] },
  { heading: "Single call", file: "options.ts", type: "ProcessOptions", prefix: "", also: ["events", "onProgress"] },
  { heading: "Attempt", file: "options.ts", type: "EngineAttempt", prefix: "attempt." },
  {
    heading: "Processor",
    file: "options.ts",
    type: "BatchProcessorOptions",
    prefix: "",
    also: ["limits", "breaker", "budget"],
  },
  { heading: "Runs", file: "options.ts", type: "RunOptions", prefix: "" },
  { heading: "Retries", file: "options.ts", type: "RetryOptions", prefix: "retry." },
  { heading: "Thumbnail", file: "options.ts", type: "ThumbnailOptions", prefix: "thumbnail." },
  { heading: "Renditions", file: "options.ts", type: "RenditionOptions", prefix: "" },
  { heading: "Facts", file: "options.ts", type: "FactsOptions", prefix: "facts." },
  { heading: "Vision", file: "options.ts", type: "VisionOptions", prefix: "vision." },
  { heading: "Input", file: "options.ts", type: "InputOptions", prefix: "input." },
  { heading: "Timeouts", file: "options.ts", type: "TimeoutOptions", prefix: "timeouts." },
  { heading: "Lease", file: "options.ts", type: "LeaseOptions", prefix: "lease." },
  { heading: "Runtime", file: "contracts/runtime.ts", type: "RuntimeOptions", prefix: "" },
  { heading: "Limits", file: "contracts/runtime.ts", type: "LimitOptions", prefix: "limits." },
  { heading: "Breaker", file: "contracts/runtime.ts", type: "BreakerOptions", prefix: "breaker." },
  { heading: "Budget", file: "contracts/runtime.ts", type: "BudgetOptions", prefix: "budget." },
  { heading: "Stage", file: "contracts/stage.ts", type: "Stage", prefix: "" },
] as const satisfies readonly Section[];

interface Section {
  readonly heading: string;
  readonly file: string;
  readonly type: string;
  readonly prefix: string;
  /** Options of this type that the page has under another heading, and those of other types that it has here. */
  readonly elsewhere?: readonly string[];
  readonly also?: readonly string[];
}

/** Interfaces of the same files that are answers, not options. */
const NO_OPTIONS = ["RunPlan"];

interface Declared {
  readonly name: string;
  readonly byDefault: string | undefined;
}

/** The members of every interface in a file, with what their docstrings say the default is. */
function interfacesOf(file: string): Map<string, readonly Declared[]> {
  const text = readFileSync(new URL(`../../src/${file}`, import.meta.url), "utf8");
  const { statements } = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  const interfaces = statements.filter(ts.isInterfaceDeclaration);
  return new Map(interfaces.map(({ name, members }) => [name.text, members.map(declared)]));
}

function declared(member: ts.TypeElement): Declared {
  const tag = ts.getJSDocTags(member).find(({ tagName }) => tagName.text === "default");
  const comment = ts.getTextOfJSDocComment(tag?.comment);
  return { name: member.name?.getText() ?? "", byDefault: comment === undefined ? undefined : plain(comment) };
}

const plain = (text: string) => text.replace(/[`\\]/g, "").trim();

/** Of a heading the rows of its first table: option and default. */
function rowsOf(heading: string): Map<string, string> {
  const [, section = ""] = page.split(`\n## ${heading}\n`);
  const [table = ""] = /^\| option \|.*?(?=\n(?!\|))/ms.exec(section.split("\n## ", 1)[0] ?? "") ?? [];
  const rows = [...table.matchAll(/^\| `([\w.]+)` \| (.+?) \| /gm)];
  return new Map(rows.map(([, name = "", byDefault = ""]) => [name, plain(byDefault)]));
}

describe("the page on options", () => {
  test.each(SECTIONS)("$heading: every option of $type, and no other", (section: Section) => {
    const { heading, file, type, prefix, elsewhere = [], also = [] } = section;
    const members = interfacesOf(file).get(type) ?? [];
    const own = members.filter(({ name }) => !elsewhere.includes(name)).map(({ name }) => prefix + name);
    expect([...rowsOf(heading).keys()].sort()).toEqual([...own, ...also].sort());
  });

  test.each(SECTIONS)("$heading: with the default that the docstring tells", ({ heading, file, type, prefix }) => {
    const rows = rowsOf(heading);
    const wrong = (interfacesOf(file).get(type) ?? []).filter(({ name, byDefault }) => {
      const told = rows.get(prefix + name);
      return told !== undefined && byDefault !== undefined && !told.startsWith(byDefault);
    });
    expect(wrong).toEqual([]);
  });

  test("no interface of options is forgotten", () => {
    const files = [...new Set(SECTIONS.map(({ file }) => file))];
    const all = files.flatMap((file) => [...interfacesOf(file).keys()]);
    const told: readonly string[] = SECTIONS.map(({ type }) => type);
    expect(all.filter((type) => !told.includes(type) && !NO_OPTIONS.includes(type))).toEqual([]);
  });
});
