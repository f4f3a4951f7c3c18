import { describe, expect, it } from "vitest";
import { HEAD_BYTES, sniff } from "../../src/media/sniff.js";
import { animation, heic, html, mp4, pdf, photo, quarters, svg } from "../support/images.js";

const head = (content: Buffer) => content.subarray(0, HEAD_BYTES);
const text = (content: string) => Buffer.from(content);

describe("sniff", () => {
  it.each([
    ["a JPEG", () => photo("rocket.jpg"), "image/jpeg"],
    ["a PNG", () => photo("cat.png"), "image/png"],
    ["a WebP", () => photo("coffee.webp"), "image/webp"],
    ["an AVIF", () => quarters(32, 32).avif({ effort: 0 }).toBuffer(), "image/avif"],
    ["an animated GIF", () => animation("gif", [[255, 0, 0], [0, 0, 255]]), "image/gif"], // biome-ignore format: two frames
    ["a HEIC", heic, "image/heic"],
    ["a video", () => mp4, "video/mp4"],
    ["a PDF", () => pdf, "application/pdf"],
  ])("knows %s", async (_, content, mimeType) => {
    expect(await sniff(head(await content()))).toBe(mimeType);
  });

  it.each([
    ["avif", "mif1miaf", "image/avif"],
    ["mif1", "avifmiaf", "image/avif"],
    ["MA1A", "avifmif1", "image/avif"],
    ["avio", "mif1miaf", "image/avif"],
    ["heim", "mif1heic", "image/heic"],
    ["heis", "mif1miaf", "image/heic"],
    ["hevm", "msf1", "image/heic-sequence"],
    ["MiHB", "mif1heicmiaf", "image/heic"],
    ["jpeg", "mif1", "image/heif"],
    ["mif2", "miaf", "image/heif"],
    ["mif1", "heicmiaf", "image/heif"],
    ["isom", "iso2avc1mp41mif1heic", "video/mp4"],
    ["mp42", "isommif1avif", "video/mp4"],
    ["XAVC", "mp42iso2", "video/mp4"],
    ["qt  ", "qt  mif1", "video/quicktime"],
  ])("knows a file of the brand %s, then %s", async (first, others, mimeType) => {
    const size = Buffer.from([0, 0, 0, 16 + others.length]);
    const file = Buffer.concat([size, text(`ftyp${first}\0\0\0\0${others}`), size, text("metaavifheic")]);
    expect(await sniff(file)).toBe(mimeType);
  });

  it.each([
    ["little-endian", (image: ReturnType<typeof quarters>) => image.tiff({ compression: "none" })],
    ["BigTIFF", (image: ReturnType<typeof quarters>) => image.tiff({ compression: "none", bigtiff: true })],
  ])("knows a TIFF whose directory stands behind the head: %s", async (_, encode) => {
    const tiff = await encode(quarters(100, 100)).toBuffer();
    expect(tiff.byteLength).toBeGreaterThan(HEAD_BYTES);
    expect(await sniff(head(tiff))).toBe("image/tiff");
  });

  it("knows a big-endian TIFF", async () => {
    expect(await sniff(Buffer.from([0x4d, 0x4d, 0x00, 0x2a, 0x00, 0x10, 0x00, 0x00]))).toBe("image/tiff");
  });

  it.each([
    ["a page behind a byte order mark and white space", html, "text/html"],
    ["a page without a doctype", text("<HTML lang='en'><body>"), "text/html"],
    ["a page that is nothing but a script", text("\n\t<script>alert(1)</script>"), "text/html"],
    ["a page behind a comment", text("<!-- a photo --><body onload=alert(1)>"), "text/html"],
    [
      "an XHTML page",
      text('<?xml version="1.0"?><!DOCTYPE html><html xmlns="http://www.w3.org/1999/xhtml">'),
      "text/html",
    ],
    ["a page with an SVG in it", text("<!doctype html><svg></svg>"), "text/html"],
    ["an SVG with a declaration", svg, "image/svg+xml"],
    ["a bare SVG with a script", text("<svg onload='x'><script>alert(1)</script></svg>"), "image/svg+xml"],
    ["an SVG in a namespace prefix", text("<s:svg xmlns:s='http://www.w3.org/2000/svg'/>"), "image/svg+xml"],
    ["an SVG doctype", text('<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "">'), "image/svg+xml"],
    ["other XML", text('\ufeff<?xml version="1.0"?><gpx></gpx>'), "application/xml"],
  ])("knows markup: %s", async (_, content, mimeType) => {
    expect(await sniff(content)).toBe(mimeType);
  });

  it.each([
    ["nothing", text("")],
    ["white space", text(" \n ")],
    ["plain text", text("hello, world")],
    ["a lone less-than sign", text("<")],
    ["zeros", Buffer.alloc(HEAD_BYTES)],
    ["the first two bytes of a JPEG", Buffer.from([0xff, 0xd8])],
  ])("does not know %s", async (_, content) => {
    expect(await sniff(content)).toBeNull();
  });

  it("takes a view into a larger buffer for what it is", async () => {
    const padded = Buffer.concat([text("<svg>"), photo("rocket.jpg"), text("<svg>")]);
    expect(await sniff(padded.subarray(5, -5))).toBe("image/jpeg");
    expect(await sniff(new Uint8Array(padded.buffer, padded.byteOffset, 5))).toBe("image/svg+xml");
  });

  it("survives heads that are cut off and garbled anywhere", async () => {
    for (const name of ["rocket.jpg", "cat.png", "coffee.webp"]) {
      const content = head(photo(name));
      for (let length = 0; length < 300; length += 7) {
        const garbled = Buffer.from(content.subarray(0, length));
        for (let at = 13; at < length; at += 17) garbled[at] = (at * 31) & 0xff;
        await expect(sniff(garbled)).resolves.toSatisfy((type) => type === null || typeof type === "string");
      }
    }
  });
});
