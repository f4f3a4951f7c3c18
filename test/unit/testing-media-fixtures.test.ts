import { describe, expect, test } from "vitest";
import { processUploadWithRetry } from "../../src/index.js";
import {
  createMediaFixtures,
  fakeAI,
  fakeRepository,
  fakeStorage,
  type MediaFixture,
} from "../../src/testing/index.js";

const fixtures = createMediaFixtures();

async function processed({ fileName, bytes }: MediaFixture) {
  const ai = fakeAI();
  ai.script.describe.does(async (media) => `${(await media.visionImage()).width} px wide`);
  const upload = { id: "1", storageKey: "x", status: "pending" as const, fileName };
  const storage = fakeStorage({ original: bytes });
  const repository = fakeRepository({ uploads: [upload] });
  const result = await processUploadWithRetry("1", { storage, ai, repository }, { retry: { minTimeout: 1 } });
  return { result, thumbnail: storage.get("thumbnails/1.jpg") };
}

describe("every fixture becomes what it says", () => {
  for (const fixture of fixtures)
    test(`${fixture.name}: ${fixture.expected}`, async () => {
      const { result } = await processed(fixture);
      expect(result.status === "failed" ? result.error.code : result.status).toBe(fixture.expected);
      if (fixture.expected === "completed") expect(result.warnings).toEqual([]);
      // Such a file stays as it is: it must not be tried again.
      else expect(result.attempts).toBeLessThanOrEqual(1);
    });
});

test("nothing of what else a file is goes into what is stored of it", async () => {
  const payload = /alert\(1\)|run\.sh|<\?php|<html/;
  let hostile = 0;
  for (const fixture of fixtures.filter(({ group, expected }) => group === "two in one" && expected === "completed")) {
    expect(Buffer.from(fixture.bytes).toString("latin1"), fixture.name).toMatch(payload);
    const { thumbnail } = await processed(fixture);
    expect(Buffer.from(thumbnail ?? []).toString("latin1"), fixture.name).toMatch(/^\xff\xd8\xff/);
    expect(Buffer.from(thumbnail ?? []).toString("latin1"), fixture.name).not.toMatch(payload);
    hostile++;
  }
  expect(hostile).toBeGreaterThan(3);
});

test("together they are small, are made quickly, and their names are unique", () => {
  expect(fixtures.reduce((sum, { bytes }) => sum + bytes.length, 0)).toBeLessThan(8_000_000);
  expect(new Set(fixtures.map(({ name }) => name)).size).toBe(fixtures.length);
  const again = createMediaFixtures();
  expect(
    again.every(({ bytes }, index) => Buffer.compare(bytes, fixtures[index]?.bytes ?? bytes.subarray(1)) === 0),
  ).toBe(true);
});

test("the table in the documentation is this one", async () => {
  const hint = "The fixtures have changed: write their table again with `npx vitest run testing-media-fixtures -u`";
  await expect(tableOf(fixtures), hint).toMatchFileSnapshot("../../src/testing/media-fixtures.md");
});

function tableOf(all: readonly MediaFixture[]): string {
  const groups = [...new Set(all.map(({ group }) => group))];
  const sections = groups.map((group) => {
    const rows = all.filter((fixture) => fixture.group === group);
    const lines = rows.map(
      ({ name, fileName, expected, why }) => `| ${name} | ${fileName} | ${codeOf(expected)} | ${why} |`,
    );
    return [
      `## ${HEADINGS[group ?? ""]}\n`,
      "| medium | file name | outcome | why |",
      "| --- | --- | --- | --- |",
      ...lines,
    ];
  });
  return `${[INTRODUCTION, ...sections.map((lines) => lines.join("\n"))].join("\n\n")}\n`;
}

const codeOf = (expected: string) => (expected === "completed" ? expected : `\`${expected}\``);

const INTRODUCTION = `# Odd and hostile media, and what becomes of them

The outcomes with the default options, when the model asks for the image. \`createMediaFixtures()\` of \`upload-processor/testing\`
makes these files. This table is written by their test; it fails when the two differ.`;

const HEADINGS: Readonly<Record<string, string>> = {
  damaged: "Damaged",
  mislabelled: "Not what their name says",
  "two in one": "Images that are something else as well",
  bomb: "Small files that ask for much",
  unusual: "Good images that careless code stumbles over",
};
