import { describe, expect, test } from "vitest";
import { flatnessOf } from "./soak/flatness.js";
import { soak } from "./soak/soak-run.js";
import { judge, type StoredRow, type Stores } from "./soak/verdict.js";
import type { Sample } from "./soak/watch.js";

/** Fewer uploads than `npm run stress:soak`, and more faults; too few to tell of memory whether it grows. */
const seed = Number(process.env.SOAK_SEED ?? Date.now() % 1_000_000);

test("1,000 uploads in two batches while 4 % of all calls fail: each is stored exactly once, and nothing is left", async () => {
  const report = await soak({ uploads: 1000, batch: 500, seed, leaseMs: 4000, rate: 0.04 });
  expect({ seed, problems: report.problems }).toEqual({ seed, problems: [] });
  const kinds = new Set(Object.keys(report.faults).map((name) => name.split(" ")[0]));
  expect(kinds).toEqual(new Set(["error-before", "error-after", "latency"]));
  for (const method of ["open", "write", "describe", "embed", "claimUpload", "updateUpload"])
    expect(Object.keys(report.faults), method).toContain(`error-after ${method}`);
  expect(report.withoutThumbnail).toBe(0);
}, 240_000);

describe("the verdict on what is stored finds", () => {
  const keyOf = (id: string) => `thumbnails/${id}`;
  const row = (id: string, fields: Partial<StoredRow> = {}): StoredRow => ({
    ...{
      id,
      original: `original of ${id}`,
      key: keyOf(id),
      description: `description of ${id}`,
      whole: true,
      ...fields,
    },
  });
  const sound: Stores = {
    rows: [row("a"), row("b"), row("c", { key: null })],
    objects: new Map(["a", "b", "c"].map((id) => [keyOf(id), `picture of ${id}`])),
  };
  const expected = { uploads: 3, lostWrites: 1, withoutThumbnail: 1 };
  const objects = (...changes: [key: string, hash: string | null][]) => {
    const changed = new Map(sound.objects);
    for (const [key, hash] of changes) hash === null ? changed.delete(key) : changed.set(key, hash);
    return changed;
  };
  const rows = (...changed: StoredRow[]) => {
    return sound.rows.map((each) => changed.find(({ id }) => id === each.id) ?? each);
  };

  test("nothing wrong where nothing is", () => {
    expect(judge(sound, expected, keyOf)).toEqual([]);
  });

  test.each<[flaw: string, changes: Partial<Stores>]>([
    ["1 rows are not whole", { rows: rows(row("a", { whole: false })) }],
    ["1 rows too many", { rows: [...sound.rows, row("d", { key: null, description: null })] }],
    ["1 rows name a thumbnail that is not there", { objects: objects([keyOf("b"), null]) }],
    ["1 rows name the thumbnail of another", { rows: rows(row("a", { key: keyOf("b") })) }],
    ["1 files belong to no row", { objects: objects(["thumbnails/x", "picture of x"]) }],
    ["-1 rows without a thumbnail that no event told of", { rows: rows(row("c")) }],
    ["1 thumbnails more than lost answers explain are not recorded", { rows: rows(row("a", { key: null })) }],
    [
      "1 originals have several descriptions, or that of another",
      { rows: rows(row("a", { description: "description of b" })) },
    ],
    [
      "1 originals have several descriptions, or that of another",
      { rows: rows(row("a", { original: "original of b" })) },
    ],
    ["1 originals have several thumbnails, or that of another", { objects: objects([keyOf("a"), "picture of b"]) }],
  ])("%s", (flaw, changes) => {
    expect(judge({ ...sound, ...changes }, expected, keyOf)).toContain(flaw);
  });
});

describe("the verdict on memory", () => {
  /** 100 samples over 100,000 uploads, which fluctuate by a mebibyte. */
  const samples = (bytesPerUpload: number, uploads = 100_000): Sample[] =>
    Array.from({ length: 100 }, (_, index) => {
      const done = (uploads / 100) * (index + 1);
      return { uploads: done, bytes: 20e6 + bytesPerUpload * done + (((index * 7919) % 100) / 100) * 2 ** 20 };
    });
  const verdicts = (heap: Sample[], uploads = 100_000) =>
    flatnessOf({ heap, external: samples(0), resident: samples(0) }, uploads).map(({ name, flat }) => [name, flat]);

  test("memory that fluctuates is flat", () => {
    expect(verdicts(samples(0))).toEqual([
      ["heap", true],
      ["external", true],
      ["resident", true],
    ]);
  });

  test("one id in a set for every upload is a leak; so is an entry in a map", () => {
    expect(verdicts(samples(60))[0]).toEqual(["heap", false]);
    expect(verdicts(samples(1000))[0]).toEqual(["heap", false]);
  });

  test("what grows while the process warms up does not count", () => {
    const warmingUp = samples(0).map((sample) => (sample.uploads < 25_000 ? { ...sample, bytes: 5e6 } : sample));
    expect(verdicts(warmingUp)[0]).toEqual(["heap", true]);
  });

  test("a few samples of a short run tell nothing", () => {
    expect(verdicts(samples(0, 1000).slice(0, 40), 1000)[0]).toEqual(["heap", undefined]);
    expect(verdicts([])[0]).toEqual(["heap", undefined]);
  });
});
