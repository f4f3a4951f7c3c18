import { access, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { repository, run } from "./project.js";

let unpacked: string;
let pages: readonly string[];

beforeAll(async () => {
  unpacked = await mkdtemp(join(tmpdir(), "upload-processor-unpacked-"));
  await run("tar", ["-xzf", inject("tarball"), "--strip-components=1"], unpacked);
  pages = await pagesIn(unpacked);
});

afterAll(() => rm(unpacked, { recursive: true }));

async function pagesIn(folder: string): Promise<string[]> {
  const files = await readdir(folder, { recursive: true });
  return files.filter((file) => file.endsWith(".md") && !file.includes("node_modules")).sort();
}

test("every page that stands beside the code is in the package, at the same place and below dist/docs", async () => {
  const beside = await pagesIn(join(repository, "src"));
  const built = beside.map((page) => join("dist/docs", page));
  const expected = ["CHANGELOG.md", "README.md", ...built, ...beside.map((page) => join("src", page))];
  expect(pages).toEqual(expected.sort());
});

test("what a page of the package links to is in the package", async () => {
  const dead: string[] = [];
  for (const page of pages) {
    for (const link of linksOf(await readPage(page))) {
      if (/^[a-z]+:/.test(link)) continue;
      const [path = "", anchor] = link.split("#");
      const target = path === "" ? page : join(dirname(page), path);
      if (target.startsWith("..") || !(await isFile(target))) dead.push(`${page}: ${link}`);
      else if (anchor !== undefined && !anchorsOf(await readPage(target)).has(anchor)) dead.push(`${page}: ${link}`);
    }
  }
  expect(dead).toEqual([]);
});

test("what a page names of the repository is there", async () => {
  const gone: string[] = [];
  for (const page of pages) {
    for (const [, path = ""] of withoutBlocks(await readPage(page)).matchAll(/`((?:test|examples|src)\/[^\s`*]+)`/g)) {
      await access(join(repository, path)).catch(() => gone.push(`${page}: ${path}`));
    }
  }
  expect(gone).toEqual([]);
});

test("the search finds dead links", () => {
  expect(linksOf("[a](b.md) and [`c`](d.md#e), not `[f](g.md)`\n```md\n[h](i.md)\n```\n[j]: k.md")).toEqual([
    ...["b.md", "d.md#e", "k.md"],
  ]);
  expect([...anchorsOf("# What it `does`, and why\n## A\n```sh\n# no\n```\n## A")]).toEqual([
    ...["what-it-does-and-why", "a", "a-1"],
  ]);
});

function readPage(page: string): Promise<string> {
  return readFile(join(unpacked, page), "utf8");
}

async function isFile(path: string): Promise<boolean> {
  const parent = join(unpacked, dirname(path));
  // Names are compared as they are written, also where the file system does not mind.
  const files = await readdir(parent, { withFileTypes: true }).catch(() => []);
  return files.some((file) => file.isFile() && relative(unpacked, join(parent, file.name)) === path);
}

function withoutBlocks(markdown: string): string {
  return markdown.replace(/^```[\s\S]*?^```/gm, "");
}

/** The targets of links, in the text and as references. */
function linksOf(markdown: string): string[] {
  const text = withoutBlocks(markdown);
  const inline = text.replace(/`[^`\n]*`/g, "code").matchAll(/\]\(<?([^)\s>]+)/g);
  const references = text.matchAll(/^\[[^\]]+\]: +(\S+)/gm);
  return [...inline, ...references].map(([, link = ""]) => link);
}

/** The anchors that are made of the headings of a page. */
function anchorsOf(markdown: string): Set<string> {
  const anchors = new Set<string>();
  for (const [, heading = ""] of withoutBlocks(markdown).matchAll(/^#+ +(.+)$/gm)) {
    const text = heading.replace(/\[([^\]]*)\]\([^)]*\)/g, "$1").trim();
    const anchor = text
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\p{M}\s_-]/gu, "")
      .replaceAll(" ", "-");
    let unique = anchor;
    for (let times = 1; anchors.has(unique); times += 1) unique = `${anchor}-${times}`;
    anchors.add(unique);
  }
  return anchors;
}
