import { existsSync, readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";

const folder = new URL("../../examples/", import.meta.url);
const page = readFileSync(new URL("README.md", folder), "utf8");
const links = [...page.matchAll(/\]\(([^)]+)\)/g)].map(([, link = ""]) => link);

test("the page on examples names every example", () => {
  const told = new Set(links.map((link) => link.split("/", 1)[0]));
  expect(readdirSync(folder).filter((name) => !told.has(name) && !["README.md", "thumbnails"].includes(name))).toEqual(
    [],
  );
});

test("and none that is not there", () => {
  expect(links.filter((link) => !existsSync(new URL(link, folder)))).toEqual([]);
});
