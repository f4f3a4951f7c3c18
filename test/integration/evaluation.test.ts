import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { beforeAll, describe, expect, test } from "vitest";
import { localAI } from "../../src/adapters/local-ai.js";
import { evaluate } from "../evaluation/adapter/evaluate.js";
import { FACTS, recallOf } from "../evaluation/adapter/facts.js";
import { languageOf } from "../evaluation/adapter/language.js";
import { tableOf } from "../evaluation/adapter/table.js";
import { labelledSet } from "../evaluation/quality/labelled-set.js";
import { ensureBuilt, ROOT } from "../support/build.js";

/** The cells of a table in Markdown, without the line below the headings. */
function cellsOf(table: string): string[][] {
  const rows = table.split("\n").filter((line) => line.startsWith("|"));
  const cells = rows.map((row) =>
    row
      .slice(2, -2)
      .split(" | ")
      .map((cell) => cell.trim()),
  );
  return cells.filter((_, index) => index !== 1);
}

async function run(...args: readonly string[]): Promise<string> {
  const command = ["--import", "tsx", "test/evaluation/adapter.ts", ...args];
  const { stdout } = await promisify(execFile)(process.execPath, command, {
    cwd: ROOT,
    env: { ...process.env, INIT_CWD: ROOT },
  });
  return stdout;
}

describe("the evaluation of an adapter", () => {
  beforeAll(() => ensureBuilt());

  test("has a row for every photograph, one for all, and a cell for every column", async () => {
    const [headings = [], ...rows] = cellsOf(tableOf(await evaluate(localAI())));
    expect(headings).toEqual([
      ...["photo", "recall", "language", "quality", "seconds", "calls", "tokens in", "tokens out", "cost", "missed"],
    ]);
    expect(rows.map(([photo]) => photo)).toEqual([...Object.keys(FACTS), "all"]);
    for (const row of rows) expect(row).toHaveLength(headings.length);
    // It tells colours, in English, finds a fact now and then by chance, and its sentences have no fault.
    const all = rows.at(-1) as string[];
    expect(all).toEqual([
      "all",
      ...[expect.stringMatching(/^0\.\d\d$/), "en", "1.00", expect.stringMatching(/^\d+\.\d\d$/)],
      ...["7", "–", "–", "–", ""],
    ]);
  });

  test("as a program: of localAI, and of a module that is named", async () => {
    expect(cellsOf(await run()).map(([photo]) => photo)).toEqual(["photo", ...Object.keys(FACTS), "all"]);
    const output = await run("--show", "--adapter", "./test/support/evaluated-adapter.ts");
    const row = (photo: string) => cellsOf(output).find(([first]) => first === photo);
    expect(row("cat.png")).toEqual([
      "cat.png",
      "4 of 4",
      "de",
      "1.00",
      expect.any(String),
      "1",
      "100",
      "20",
      "0.00040",
      "",
    ]);
    expect(row("coffee.webp")?.slice(1, 4)).toEqual(["6 of 6", "en", "1.00"]);
    expect(row("rocket.jpg")?.slice(0, 3)).toEqual(["rocket.jpg", "0 of 5", "en"]);
    expect(row("hubble.jpg")?.slice(1, 4)).toEqual(["0 of 4", "failed", "0.00"]);
    expect(output).toMatch(/^hubble\.jpg: .*no such star$/m);
  });

  test("as a program: refuses what is no adapter", async () => {
    await expect(run("--adapter", "./test/support/image.ts")).rejects.toThrow(
      "./test/support/image.ts: expected its default export to be an AIAdapter",
    );
  });
});

test("facts are found as whole words", () => {
  const facts = { cat: ["cat", "cats"], tree: ["tree*"], star: ["星"] };
  expect(recallOf(facts, "A cathedral with many Trees.")).toEqual({ told: ["tree"], missed: ["cat", "star"] });
  expect(recallOf(facts, "Two CATS, 满天星斗")).toEqual({ told: ["cat", "star"], missed: ["tree"] });
});

test("the language of sentences is guessed well enough", () => {
  const known = [
    "en",
    "de",
    "fr",
    "es",
    "pt",
    "it",
    "nl",
    "pl",
    "tr",
    "vi",
    "ja",
    "zh",
    "ko",
    "th",
    "ru",
    "uk",
    "ar",
    "he",
    "hi",
    "el",
  ];
  // A list of what is in a picture has none of the words by which it goes.
  const long = labelledSet().filter(
    ({ kind, text, language }) =>
      kind === "good" && text.length > 150 && !text.includes("\n") && known.includes(language),
  );
  expect(long.length).toBeGreaterThan(20);
  expect(long.filter(({ text, language }) => languageOf(text) !== language).map(({ text }) => text)).toEqual([]);
});
