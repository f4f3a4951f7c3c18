import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { CODES } from "../../src/errors.js";

const page = readFileSync(new URL("../../src/errors.md", import.meta.url), "utf8");
const codes = Object.keys(CODES).sort();
/** Of each code's heading the text below it. */
const sections = new Map(
  page
    .split(/^## /m)
    .map((section): [string, string] => [section.split("\n", 1)[0] ?? "", section])
    .filter(([heading]) => /^[A-Z_]+$/.test(heading)),
);
const rows = [...page.matchAll(/^\| \[(\w+)\]\(#(\w+)\) \| (yes|no) \| (\w+) \|$/gm)];

describe("the page on errors", () => {
  test("has a heading for every code, and no other", () => {
    expect([...sections.keys()].sort()).toEqual(codes);
  });

  test("has a row for every code, as the table in the code has it, that leads to its heading", () => {
    const told = rows.map(([, code, anchor, again, fault]) => ({ code, anchor, again, fault }));
    const known = Object.entries(CODES).map(([code, { retryable, fault }]) => {
      return { code, anchor: code.toLowerCase(), again: retryable ? "yes" : "no", fault };
    });
    const byCode = (a: { code?: string | undefined }, b: { code?: string | undefined }) =>
      (a.code ?? "") < (b.code ?? "") ? -1 : 1;
    expect(told.sort(byCode)).toEqual(known.sort(byCode));
  });

  test.each(codes)("%s: cause, remedy and example", (code) => {
    const section = sections.get(code) ?? "";
    expect(section).toMatch(/Remedy: /);
    expect(section).toMatch(/```ts\n[\s\S]+\n```/);
  });

  test("tells what follows from each fault", () => {
    const faults = [...new Set(Object.values(CODES).map(({ fault }) => fault))].sort();
    const told = [...page.matchAll(/^\| `(\w+)` \|(?:[^|]+\|){4}$/gm)].map(([, fault]) => fault);
    expect(told.sort()).toEqual(faults);
  });
});
