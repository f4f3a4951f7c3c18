import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PGlite } from "@electric-sql/pglite";
import { vector } from "@electric-sql/pglite-pgvector";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { main } from "../../examples/demo/main.js";
import { localAI } from "../../src/adapters/local-ai.js";
import { ensureBuilt, ROOT } from "../support/build.js";
import { DemoProcess, runDemo } from "../support/demo-process.js";
import { photo } from "../support/images.js";

const hasNoFfmpeg = spawnSync("ffmpeg", ["-version"]).status !== 0;
const EXAMPLES = join(ROOT, "examples/photos");
const photosIn = (folder: string) => readdirSync(folder).filter((name) => !name.endsWith(".md"));

let scratch: string;
let places = 0;

/** An output folder and a log for runs that belong together. */
function place() {
  const base = join(scratch, String(++places));
  return { out: join(base, "out"), log: join(scratch, `${places}.log`) };
}

function folderOf(name: string, files: Record<string, Uint8Array | string>): string {
  const folder = join(scratch, name);
  mkdirSync(folder);
  for (const [file, content] of Object.entries(files)) writeFileSync(join(folder, file), content);
  return folder;
}

/** Small photographs, each of them another one. */
async function manyPhotos(name: string, count: number): Promise<string> {
  const originals = photosIn(EXAMPLES);
  const files: Record<string, Uint8Array> = {};
  for (let index = 0; index < count; index++) {
    const original = sharp(photo(originals[index % originals.length] as string));
    files[`photo-${index}.jpg`] = await original
      .resize(200 + index, 180)
      .flatten()
      .jpeg()
      .toBuffer();
  }
  return folderOf(name, files);
}

beforeAll(() => {
  ensureBuilt();
  scratch = mkdtempSync(join(tmpdir(), "demo-test-"));
});

afterAll(() => rmSync(scratch, { recursive: true, force: true }));

describe("a folder of photographs", () => {
  it("takes HEIC, and says what to install for videos where ffmpeg is missing", async () => {
    const { out, log } = place();
    const heic = readFileSync(join(ROOT, "test/support/heic/plain.heic"));
    const folder = folderOf("phone", {
      "a.heic": heic,
      "b.jpg": readFileSync(join(EXAMPLES, "rocket.jpg")),
      "c.mp4": "",
    });
    const ended = await runDemo([folder, "--out", out], log, { PATH: scratch });
    expect(ended).toMatchObject({ exitCode: 0, stderr: "" });
    expect(ended.lines[0]).toBe(`2 photographs in ${folder}, 1 other file`);
    expect(ended.lines[1]).toMatch(/^Passed over: videos need ffmpeg: apt-get install ffmpeg/);
    expect([...ended.settled].sort()).toEqual(["a.heic", "b.jpg"]);
    expect(ended.lines).toContainEqual(expect.stringMatching(/^2 photographs: 2 completed in /));
  });

  it.skipIf(hasNoFfmpeg)("takes videos where ffmpeg is installed", async () => {
    const { out, log } = place();
    const folder = folderOf("videos", {});
    const made = ["-v", "error", "-f", "lavfi", "-i", "testsrc=duration=1:size=160x120:rate=5", join(folder, "v.mp4")];
    execFileSync("ffmpeg", made);
    const ended = await runDemo([folder, "--out", out], log);
    expect(ended).toMatchObject({ exitCode: 0, stderr: "" });
    expect(ended.lines[0]).toBe(`0 photographs and 1 video in ${folder}`);
    expect([...ended.settled]).toEqual(["v.mp4"]);
  });

  it("is processed, shown on a contact sheet, and passed over the next time", async () => {
    const { out, log } = place();
    const first = await runDemo(["--out", out], log);
    expect(first).toMatchObject({ exitCode: 0, stderr: "" });
    const photos = photosIn(EXAMPLES);
    expect([...first.settled].sort()).toEqual(photos);
    expect(first.lines).toContainEqual(expect.stringMatching(/^7 photographs: 7 completed in /));

    const sheet = readFileSync(join(out, "index.html"), "utf8");
    for (const name of photos) expect(sheet).toContain(`<h2>${name}</h2>`);
    const links = [...sheet.matchAll(/(?:src|href)="([^"#]+)"/g)].map(([, link]) => decodeURIComponent(link as string));
    expect(links.filter((link) => link.startsWith("thumbnails/")).length).toBeGreaterThanOrEqual(7);
    expect(links).toContainEqual(expect.stringMatching(/CREDITS\.md$/));
    for (const link of links) expect(existsSync(join(out, link)), link).toBe(true);
    expect(sheet.match(/<dd>\d[\d.]* m?s<\/dd>/g)).toHaveLength(3 * 7);

    const second = await runDemo(["--out", out], log);
    expect(second).toMatchObject({ exitCode: 0, stderr: "", described: [] });
    expect(second.lines).toContain("7 photographs: 7 done in earlier runs");
    expect(readFileSync(join(out, "index.html"), "utf8")).toBe(sheet);
  });

  it("with a broken file completes the rest, and follows what changes in the folder", async () => {
    const { out, log } = place();
    const evil = "<img src=x onerror=alert(1)>.jpg";
    const files = {
      "cat.png": photo("cat.png"),
      [evil]: photo("rocket.jpg"),
      "broken.jpg": "no image",
      "notes.md": "",
    };
    const folder = folderOf("changing", files);

    const first = await runDemo([folder, "--out", out], log);
    expect(first).toMatchObject({ exitCode: 0, stderr: "" });
    expect(first.lines[0]).toBe(`3 photographs in ${folder}, 1 other file`);
    expect(first.lines).toContainEqual(expect.stringMatching(/^failed: broken\.jpg: INVALID_MEDIA, /));
    expect(first.lines).toContainEqual(expect.stringMatching(/^3 photographs: 2 completed, 1 failed in /));
    const sheet = readFileSync(join(out, "index.html"), "utf8");
    expect(sheet).toContain("INVALID_MEDIA");
    expect(sheet).not.toContain("<img src=x");
    expect(readdirSync(join(out, "thumbnails"))).toHaveLength(2);
    expect(readdirSync(folder)).toHaveLength(4); // nothing was written there

    rmSync(join(folder, "cat.png"));
    writeFileSync(join(folder, "broken.jpg"), photo("coffee.webp"));
    const second = await runDemo([folder, "--out", out], log);
    expect(second).toMatchObject({ exitCode: 0, stderr: "", described: ["broken.jpg"] });
    expect(second.lines).toContainEqual(
      expect.stringMatching(/^2 photographs: 1 completed, 1 done in earlier runs in /),
    );
    expect(readdirSync(join(out, "thumbnails"))).toHaveLength(2);
    expect(readFileSync(join(out, "index.html"), "utf8")).not.toContain("cat.png");
  });
});

describe("bad input", () => {
  it("is told on stderr, and the exit code says so", async () => {
    const { exitCode, stderr } = await runDemo([join(scratch, "nowhere")], place().log);
    expect(stderr).toMatch(/^demo: there is no folder .*nowhere\n$/);
    expect(exitCode).toBe(2);
  });

  it.each([
    ["a file", () => [join(EXAMPLES, "cat.png")], /^demo: .*cat\.png is a file, not a folder$/],
    ["a folder without photographs", () => [folderOf("empty", {})], /^demo: there are no photographs in .*empty$/],
    ["an unknown option", () => ["--fast"], /^demo: Unknown option '--fast'; --help lists the options$/],
    ["two folders", () => ["a", "b"], /^demo: expected one folder, got 2$/],
    ["an option that is no number", () => ["--slow", "very"], /^demo: --slow: expected milliseconds, got "very"$/],
    ["writing into the photographs", () => [EXAMPLES, "--out", EXAMPLES], /^demo: --out is the folder of photographs /],
  ])("%s", async (_, args, message) => {
    const told = vi.spyOn(console, "error").mockImplementation(() => {});
    try {
      expect(await main(args(), localAI())).toBe(2);
      expect(told.mock.calls).toEqual([[expect.stringMatching(message)]]);
    } finally {
      told.mockRestore();
    }
  });
});

describe("an interrupted demo", { timeout: 600_000 }, () => {
  let folder: string;
  const photos = 32;

  beforeAll(async () => {
    folder = await manyPhotos("many", photos);
  });

  it("is continued after kill -9 at any moment, and describes nothing twice but what was in flight", async () => {
    const { out, log } = place();
    const described: string[] = [];
    const mayBeRepeated: string[] = [];
    const kills = [
      { afterCalls: 1, andMs: 0 },
      { afterCalls: 6, andMs: 70 },
      { afterCalls: 3, andMs: 140 },
      { afterCalls: 9, andMs: 20 },
      { afterCalls: 2, andMs: 100 },
    ];
    for (const { afterCalls, andMs } of kills) {
      const demo = new DemoProcess([folder, "--out", out], log);
      await demo.hasDescribed(afterCalls);
      await new Promise((resolve) => setTimeout(resolve, andMs));
      demo.kill("SIGKILL");
      const killed = await demo.ended;
      expect(killed.signal).toBe("SIGKILL");
      described.push(...killed.described);
      mayBeRepeated.push(...killed.described.filter((name) => !killed.settled.has(name)));
    }
    expect(new Set(described).size).toBeLessThan(photos); // every kill was in the middle

    const startedAt = performance.now();
    const last = await runDemo([folder, "--out", out], log);
    expect(last).toMatchObject({ exitCode: 0, stderr: "" });
    expect(performance.now() - startedAt).toBeLessThan(40_000); // it waited for no lease of a dead process: 60 s
    described.push(...last.described);
    expect(new Set(described).size).toBe(photos);
    expect(repetitions(described).filter((name) => !mayBeRepeated.includes(name))).toEqual([]);
    expect(described.length).toBeLessThanOrEqual(photos + mayBeRepeated.length);

    const database = await PGlite.create({ dataDir: join(out, "database"), extensions: { vector } });
    const { rows } = await database.query(`select count(*) as completed from upload_processor_uploads
      where status = 'completed' and description <> '' and embedding is not null and thumbnail_key is not null`);
    await database.close();
    expect(rows).toEqual([{ completed: photos }]);
    // A write that was cut off leaves a temporary file, as the storage says.
    expect(readdirSync(join(out, "thumbnails")).filter((name) => name.endsWith(".jpg"))).toHaveLength(photos);
  });

  it("ends what is in flight at one Ctrl-C, hands it back at two, and goes on behind it", async () => {
    const { out, log } = place();
    const once = new DemoProcess([folder, "--out", out, "--slow", "700"], log);
    await once.hasDescribed(4);

    const busy = await runDemo([folder, "--out", out], place().log);
    expect(busy).toMatchObject({ exitCode: 2, described: [] });
    expect(busy.stderr).toMatch(/^demo: process \d+ is working on this folder; if it is no demo, delete .*\n$/);

    once.kill("SIGINT");
    const finished = await once.ended;
    expect(finished).toMatchObject({ exitCode: 130, stderr: "" });
    expect(finished.lines).toContainEqual(expect.stringMatching(/^Finishing the \d photographs in flight/));
    expect(new Set(finished.described)).toEqual(finished.settled);

    const twice = new DemoProcess([folder, "--out", out, "--slow", "2000"], log);
    await twice.hasDescribed(2);
    twice.kill("SIGTERM");
    await new Promise((resolve) => setTimeout(resolve, 400));
    twice.kill("SIGTERM");
    const handedBack = await twice.ended;
    expect(handedBack).toMatchObject({ exitCode: 143, stderr: "" });
    expect(handedBack.lines).toContainEqual(expect.stringMatching(/^aborted: photo-\d+\.jpg: handed back/));

    const last = await runDemo([folder, "--out", out], log);
    expect(last).toMatchObject({ exitCode: 0, stderr: "" });
    const all = [...finished.settled, ...handedBack.settled, ...last.settled];
    expect(all.length).toBe(photos);
    expect(new Set(all).size).toBe(photos);
  });

  it("is created anew when it was killed while it created its database", async () => {
    const { out, log } = place();
    mkdirSync(join(out, "database"), { recursive: true });
    cpSync(join(ROOT, "package.json"), join(out, "database", "PG_VERSION"));
    const folder = folderOf("single", { "cat.png": photo("cat.png") });
    expect(await runDemo([folder, "--out", out], log)).toMatchObject({ exitCode: 0, stderr: "" });
  });
});

/** What is in there more than once. */
function repetitions(names: readonly string[]): string[] {
  return names.filter((name, index) => names.indexOf(name) !== index);
}
