import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { UploadError } from "../../src/index.js";
import { makeBox } from "../../src/media/headers/boxes.js";
import { type ByteSource, ofBytes } from "../../src/media/headers/byte-source.js";
import { readHeifHeader } from "../../src/media/headers/heif.js";
import { readJpegHeader } from "../../src/media/headers/jpeg.js";
import { hasAllScans } from "../../src/media/headers/jpeg-end.js";
import { readLateExif, readPngHeader } from "../../src/media/headers/png.js";
import { readTiffHeader } from "../../src/media/headers/tiff.js";
import { inspectImage } from "../../src/media/inspect/inspect-image.js";
import { blankPng } from "../../src/testing/fixtures/png.js";
import { randomFrom } from "../../src/testing/random.js";
import { mutantOf } from "../stress/fuzz/mutate.js";
import { kinds } from "../support/formats/kinds.js";
import { pngChunk, withPngChunks } from "../support/formats/png-chunks.js";
import { makeTiff } from "../support/formats/tiff-writer.js";

const MUTANTS = 3000;
/** Whatever a file says: each reader gives up after so many pieces. */
const MOST_READS = 4500;
const REFUSALS: ReadonlySet<string> = new Set(["UNSUPPORTED_MEDIA", "INVALID_MEDIA"]);
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
      // Of a JPEG every segment is looked at, and a few bytes may look like one.
      expect(reads(), `${number}: ${name}`).toBeLessThan(MOST_READS + bytes.length / 50);
    }
  });

  it("an inspection refuses what is whole or damaged, or throws nothing, and what it rewrites can be rewritten", async () => {
    let rewritten = 0;
    for (let number = 0; number < MUTANTS; number++) {
      const { name, bytes } = mutantOf(specimens, 2, number);
      for (const type of TYPES) {
        const inspection = await inspectImage(bytes, type).catch((error: unknown) => {
          if (UploadError.isInstance(error) && REFUSALS.has(error.code)) return undefined;
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

/** What a decoder skips stands before what tells the kind: the kind is found all the same. */
describe("headers behind what the decoder skips", () => {
  const kindNamed = async (name: string) => Buffer.from((await kinds.find((kind) => kind.name === name)?.make()) ?? []);
  const inspected = (bytes: Buffer, type: string) =>
    inspectImage(bytes, type).catch((error: unknown) => (UploadError.isInstance(error) ? error.code : error));
  /** In front of the frame header, which begins with `marker`. */
  const beforeFrame = (jpeg: Buffer, marker: number, ...more: Buffer[]) => {
    const at = jpeg.indexOf(Buffer.from([0xff, marker]));
    return Buffer.concat([jpeg.subarray(0, at), ...more, jpeg.subarray(at)]);
  };
  const stray = {
    "three bytes": Buffer.from("AAA"),
    "bytes of data": Buffer.from([0xff, 0, 0x41, 0xff, 0]),
    "markers without a length": Buffer.from([0xff, 1, 0xff, 0xd3]),
    "many bytes of 0xff": Buffer.alloc(5000, 0xff),
    "20,000 bytes": Buffer.alloc(20_000, 0x41),
    "3,000 segments": Buffer.concat(Array(3000).fill(Buffer.from([0xff, 0xfe, 0, 2]))),
    "a segment of length 0": Buffer.from([0xff, 0xfe, 0, 0]),
  };

  it.each(Object.entries(stray))("a JPEG with %s before its frame", async (_, bytes) => {
    expect(await inspected(beforeFrame(await kindNamed("lossless"), 0xc3, bytes), "image/jpeg")).toBe(
      "UNSUPPORTED_MEDIA",
    );
    const progressive = await kindNamed("progressive");
    expect(await inspected(beforeFrame(progressive, 0xc2, bytes), "image/jpeg")).toEqual(
      await inspected(progressive, "image/jpeg"),
    );
  });

  it("a PNG with 3,000 texts before its pixels", async () => {
    const texts = (count: number) => Array.from({ length: count }, () => pngChunk("tEXt", Buffer.from("a\0b")));
    const interlaced = (count: number) => {
      const png = withPngChunks(blankPng({ width: 90, height: 90, depth: 16, colour: "rgba" }), texts(count));
      png.writeUInt8(1, 28);
      return png;
    };
    const { rewrite: _, ...told } = await inspectImage(interlaced(0), "image/png");
    expect(told).toMatchObject({ coding: "interlaced PNG", limitPixels: 50_000_000 });
    expect(await inspectImage(interlaced(3000), "image/png")).toMatchObject(told);
  });

  it("an AVIF with 300 boxes of free space before what it tells", async () => {
    const avif = await kindNamed("a logarithmic curve");
    const free = Array(300).fill(makeBox("free"));
    const at = avif.readUInt32BE(0);
    const behind = Buffer.concat([avif.subarray(0, at), ...free, avif.subarray(at)]);
    expect(await inspected(behind, "image/avif")).toBe("UNSUPPORTED_MEDIA");
  });

  it("a TIFF with 2,000 tags of its own, a tag twice, or a number with a sign", async () => {
    const own = Object.fromEntries(Array.from({ length: 2000 }, (_, index) => [40_000 + index, [3, [0]] as const]));
    const size = { width: 4, height: 4, pixels: Buffer.alloc(4 * 4 * 3 * 4) };
    const wide = { 258: [3, [32, 32, 32]], 339: [3, [3, 3, 3]] } as const;
    const many = makeTiff({ ...size, tags: { ...own, ...wide } });
    expect(await inspected(many, "image/tiff")).toBe("UNSUPPORTED_MEDIA");
    // The tags of a file come in their order, so what stands behind them all is the second one.
    const photometric = makeTiff({ ...size, tags: { 262: [3, [9]], 65000: [3, [2]] } });
    const entry = photometric.indexOf(Buffer.from([0xe8, 0xfd, 3, 0]));
    photometric.writeUInt16LE(262, entry);
    expect(await inspected(photometric, "image/tiff")).toBe("UNSUPPORTED_MEDIA");
    const signed = makeTiff({ ...size, tags: { 258: [3, [8, 8, 8]], 339: [3, [2, 2, 2]] } });
    const formats = signed.indexOf(Buffer.from([0x53, 1, 3, 0]));
    signed.writeUInt16LE(8, formats + 2);
    expect(await inspected(signed, "image/tiff")).toBe("UNSUPPORTED_MEDIA");
  });

  it.each(TYPES)("what has no header that can be read is not left to the decoder: %s", async (type) => {
    expect(await inspected(Buffer.alloc(1000, 0x41), type)).toBe("INVALID_MEDIA");
  });

  it("a JPEG with more segments than are looked at is refused", async () => {
    const segments = Buffer.concat(Array(100_000).fill(Buffer.from([0xff, 0xfe, 0, 2])));
    expect(await inspected(beforeFrame(await kindNamed("progressive"), 0xc2, segments), "image/jpeg")).toBe(
      "INVALID_MEDIA",
    );
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
