import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { UploadError } from "../../src/index.js";
import { type ByteSource, ofBytes } from "../../src/media/headers/byte-source.js";
import { readHeifHeader } from "../../src/media/headers/heif.js";
import { readJpegHeader } from "../../src/media/headers/jpeg.js";
import { hasAllScans } from "../../src/media/headers/jpeg-end.js";
import { readLateExif, readPngHeader } from "../../src/media/headers/png.js";
import { readTiffHeader } from "../../src/media/headers/tiff.js";
import { inspectImage } from "../../src/media/inspect/inspect-image.js";
import { randomFrom } from "../../src/testing/random.js";
import { mutantOf } from "../stress/fuzz/mutate.js";
import { kinds } from "../support/formats/kinds.js";

const MUTANTS = 3000;
/** Whatever a file says: each reader gives up after so many pieces. */
const MOST_READS = 4500;
const TYPES = ["image/jpeg", "image/png", "image/tiff", "image/avif"] as const;
const readers = { readJpegHeader, readPngHeader, readLateExif, readTiffHeader, readHeifHeader };

const specimens: { name: string; bytes: Buffer }[] = [];
let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "headers-"));
  // Longer ones are pixels for the most part, which no header reader looks at.
  for (const { name, make } of kinds) specimens.push({ name, bytes: Buffer.from((await make()).subarray(0, 20_000)) });
  // What stands at the end is read, too.
  for (const { name, make } of kinds.filter(({ group }) => group === "TIFF" || group === "PNG")) {
    const bytes = await make();
    specimens.push({ name: `${name}, whole`, bytes: bytes.length < 300_000 ? bytes : bytes.subarray(0, 1000) });
  }
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Counts the pieces that are read, and refuses to read what no file has. */
function counted(bytes: Buffer): { source: ByteSource; reads: () => number } {
  const { size, read } = ofBytes(bytes);
  let reads = 0;
  const source: ByteSource = {
    size,
    async read(at, length) {
      reads++;
      if (!(at >= 0) || !(length <= 16 * 2 ** 20)) throw new Error(`read(${at}, ${length})`);
      return read(at, length);
    },
  };
  return { source, reads: () => reads };
}

describe("headers of damaged files", () => {
  it.each(Object.entries(readers))("%s never throws, and never goes on for ever", async (_, reader) => {
    for (let number = 0; number < MUTANTS; number++) {
      const { name, bytes } = mutantOf(specimens, 1, number);
      const { source, reads } = counted(bytes);
      await expect(reader(source), `${number}: ${name}`).resolves.toBeDefined();
      expect(reads(), `${number}: ${name}`).toBeLessThan(MOST_READS);
    }
  });

  it("an inspection throws UNSUPPORTED_MEDIA or nothing, and what it rewrites can be rewritten", async () => {
    let rewritten = 0;
    for (let number = 0; number < MUTANTS; number++) {
      const { name, bytes } = mutantOf(specimens, 2, number);
      for (const type of TYPES) {
        const inspection = await inspectImage(bytes, type).catch((error: unknown) => {
          if (UploadError.isInstance(error) && error.code === "UNSUPPORTED_MEDIA") return undefined;
          throw new Error(`${number}: ${name} as ${type}`, { cause: error });
        });
        if (inspection?.rewrite === undefined) continue;
        expect(inspection.rewrite(bytes).byteLength, `${number}: ${name}`).toBeLessThan(bytes.length + 1_000_000);
        rewritten++;
      }
    }
    expect(rewritten).toBeGreaterThan(100);
  });

  it("whether a JPEG has all its scans can be asked of anything", () => {
    for (let number = 0; number < MUTANTS; number++) hasAllScans(mutantOf(specimens, 3, number).bytes);
  });

  it("the same is read of a file as of its bytes, and the original is not changed", async () => {
    const random = randomFrom("headers");
    for (const [index, { name, bytes }] of specimens.entries()) {
      const path = join(folder, String(index));
      writeFileSync(path, bytes);
      const before = Buffer.from(bytes);
      const type = TYPES[Math.floor(random() * TYPES.length)] ?? "image/png";
      for (const one of [type, "image/tiff"]) {
        const told = (input: string | Uint8Array) =>
          inspectImage(input, one).then(
            ({ rewrite, ...rest }) => ({ ...rest, rewritten: rewrite?.(bytes).byteLength }),
            (error: unknown) => String(error),
          );
        expect(await told(path), `${name} as ${one}`).toEqual(await told(bytes));
      }
      expect(bytes.equals(before), name).toBe(true);
    }
  });
});

describe("hasAllScans", () => {
  it("knows a progressive JPEG that ends between two scans", async () => {
    const progressive = await kinds.find(({ name }) => name === "progressive")?.make();
    const whole = progressive ?? Buffer.alloc(0);
    expect(hasAllScans(whole.subarray(0, -2))).toBe(true);
    const lastScan = whole.lastIndexOf(Buffer.from([0xff, 0xda]));
    expect(hasAllScans(whole.subarray(0, lastScan))).toBe(false);
  });
});
