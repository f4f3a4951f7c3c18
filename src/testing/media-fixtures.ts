import type { UploadErrorCode } from "../errors.js";
import { animatedGif } from "./fixtures/gif.js";
import { withComments, withOrientation } from "./fixtures/jpeg.js";
import { blankPng } from "./fixtures/png.js";
import { sampleJpeg } from "./sample-jpeg.js";

/** A file as somebody may upload it, and what has to become of it with the default options. */
export interface MediaFixture {
  readonly name: string;
  readonly fileName: string;
  readonly bytes: Uint8Array;
  /** `"completed"`, or the code of the error when the upload's image is asked for. */
  readonly expected: "completed" | UploadErrorCode;
}

/**
 * Odd and hostile media: damaged, mislabelled, oversized, unusual. Made here, byte by byte, and the same in every run; 3 MB
 * in all. Your storage, your model and your limits can be tried with them.
 *
 * @example
 * for (const { name, fileName, bytes, expected } of createMediaFixtures())
 *   test(name, async () => {
 *     const upload = await uploadAsAUserDoes(fileName, bytes);
 *     const result = await processUploadWithRetry(upload, adapters);
 *     assert.equal(result.status === "failed" ? result.error.code : result.status, expected);
 *   });
 */
export function createMediaFixtures(): MediaFixture[] {
  return [...damaged(), ...mislabelled(), ...oversized(), ...unusual()];
}

function damaged(): MediaFixture[] {
  const whole = sampleJpeg();
  const truncated = [1, 2, 3, 4, 5, 6, 7, 8, 9].map((tenths) =>
    fixture(`cut off at ${tenths * 10} %`, "cut.jpg", whole.subarray(0, (whole.length * tenths) / 10), "INVALID_MEDIA"),
  );
  return [
    fixture("empty", "empty.jpg", new Uint8Array(), "INVALID_MEDIA"),
    fixture("one byte", "one-byte.jpg", new Uint8Array([0xff]), "INVALID_MEDIA"),
    fixture("zeros", "zeros.jpg", new Uint8Array(10_000), "INVALID_MEDIA"),
    ...truncated,
  ];
}

function mislabelled(): MediaFixture[] {
  const html = "<!doctype html><html><body><script>alert(1)</script></body></html>";
  const svg = `<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY a "${"a".repeat(100)}"><!ENTITY b "${"&a;".repeat(100)}">]>
<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/><text>${"&b;".repeat(100)}</text></svg>`;
  return [
    fixture("a PNG with the name of a JPEG", "photo.jpg", blankPng({ width: 64, height: 48 }), "completed"),
    fixture("a JPEG without an extension", "photo", sampleJpeg(), "completed"),
    fixture("HTML with the name of a JPEG", "photo.jpg", Buffer.from(html), "UNSUPPORTED_MEDIA"),
    fixture("SVG with references and entities", "drawing.svg", Buffer.from(svg), "UNSUPPORTED_MEDIA"),
    fixture("PDF with the name of a JPEG", "photo.jpg", Buffer.from("%PDF-1.7\n%%EOF\n"), "UNSUPPORTED_MEDIA"),
    fixture("a JPEG that HTML follows", "photo.jpg", Buffer.concat([sampleJpeg(), Buffer.from(html)]), "completed"),
  ];
}

function oversized(): MediaFixture[] {
  const bomb = blankPng({ width: 30_000, height: 30_000, colour: "grey" });
  return [
    fixture("a bomb: 900 megapixels", "bomb.png", bomb, "MEDIA_TOO_LARGE"),
    fixture("10,000 frames", "animation.gif", animatedGif(10_000), "completed"),
    fixture("2 MB of comments", "comments.jpg", withComments(sampleJpeg(), 2_000_000), "completed"),
  ];
}

function unusual(): MediaFixture[] {
  const size = { width: 64, height: 48 };
  const orientations = [1, 2, 3, 4, 5, 6, 7, 8].map((orientation) =>
    fixture(`EXIF orientation ${orientation}`, "turned.jpg", withOrientation(sampleJpeg(), orientation), "completed"),
  );
  return [
    fixture("1 × 1 px", "pixel.png", blankPng({ width: 1, height: 1 }), "completed"),
    fixture("1 × 20,000 px", "line.png", blankPng({ width: 1, height: 20_000 }), "completed"),
    fixture("a panorama of 20,000 × 100 px", "panorama.png", blankPng({ width: 20_000, height: 100 }), "completed"),
    fixture("16 bits", "deep.png", blankPng({ ...size, depth: 16 }), "completed"),
    fixture("black and white", "fax.png", blankPng({ ...size, colour: "grey", depth: 1 }), "completed"),
    fixture("grey", "grey.png", blankPng({ ...size, colour: "grey" }), "completed"),
    fixture("a palette of one colour", "palette.png", blankPng({ ...size, colour: "palette" }), "completed"),
    fixture("all transparent", "transparent.png", blankPng({ ...size, colour: "rgba" }), "completed"),
    ...orientations,
  ];
}

function fixture(name: string, fileName: string, bytes: Uint8Array, expected: MediaFixture["expected"]): MediaFixture {
  return { name, fileName, bytes, expected };
}
