import sharp from "sharp";
import { withEndMarker } from "../../../src/media/headers/jpeg-end.js";
import { mp4 } from "../images.js";
import { inputFile } from "./base.js";
import {
  beforeFrame,
  blanked,
  multiPicture,
  segment,
  squaresJpeg,
  withHeightBehind,
  withoutLastScan,
  withSegments,
} from "./jpeg-kinds.js";
import { AS_BASE, BASE, rowsOf } from "./kind-of.js";

const { shown, refused } = rowsOf("JPEG");
const jpeg = () => sharp(inputFile("base.png")).jpeg({ quality: 95 }).toBuffer();
const small = () => sharp(inputFile("base.png")).resize(80).greyscale().jpeg().toBuffer();
const progressive = () => sharp(inputFile("base.png")).jpeg({ quality: 95, progressive: true }).toBuffer();
const DAMAGED = "INVALID_MEDIA";
/** Zeros from the middle to the marker at its end. */
const hole = async () => Buffer.concat([blanked(await jpeg(), 0.5).subarray(0, -2), Buffer.from([0xff, 0xd9])]);
const cmyk = () => sharp(inputFile("base.png")).toColourspace("cmyk");
const shade = (column: number, row: number) => (column + row) / 60;
/** `convert no-end-marker.jpg …`; the program, too, shows what is there of a file that is cut off. */
const ROCKET = { width: 640, height: 427, mean: [41.4, 58.3, 81.7], by: "ImageMagick", decoder: "convert" } as const;

const xmp = (attributes: string) =>
  segment(
    0xe1,
    `http://ns.adobe.com/xap/1.0/\0<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description ${attributes}/></rdf:RDF></x:xmpmeta>`,
  );
const GAIN_MAP = 'xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/" hdrgm:Version="1.0" hdrgm:GainMapMax="2"';
const MOTION = 'xmlns:GCamera="http://ns.google.com/photos/1.0/camera/" GCamera:MotionPhoto="1"';

export const jpegKinds = [
  shown("baseline", jpeg, BASE),
  shown("progressive", progressive, BASE),
  shown("arithmetic coding", () => inputFile("arithmetic.jpg"), AS_BASE),
  refused("lossless", () => inputFile("lossless.jpg"), /lossless JPEG/),
  refused("12 bits", () => squaresJpeg(40, 20, 12, shade), /12 bits/),
  shown("grey of 8 bits, one code for each size", () => squaresJpeg(40, 20, 8, shade), {
    ...BASE,
    ...{ width: 320, height: 160, mean: [123.2, 123.2, 123.2] },
  }),
  // Converters differ by their tables: Little CMS by itself tells 160.7, 89.8, 57.2 for the first.
  shown("CMYK with a profile", () => cmyk().withIccProfile("cmyk").jpeg({ quality: 95 }).toBuffer(), {
    ...AS_BASE,
    ...{ mean: [160.9, 89.9, 46.9], by: "sharp alone: see below" },
  }),
  shown("CMYK without a profile", () => cmyk().jpeg({ quality: 95 }).toBuffer(), {
    ...AS_BASE,
    ...{ mean: [160.2, 83.8, 36], by: "sharp alone: see below" },
  }),
  shown("several pictures (MPO)", async () => multiPicture(await jpeg(), await small()), BASE),
  shown("HDR gain map", async () => multiPicture(withSegments(await jpeg(), xmp(GAIN_MAP)), await small()), BASE),
  shown("motion photo", async () => Buffer.concat([withSegments(await jpeg(), xmp(MOTION)), mp4]), BASE),
  shown("no-end-marker.jpg", () => inputFile("no-end-marker.jpg"), ROCKET),
  refused("cut-off.jpg", () => inputFile("cut-off.jpg"), /damaged.*premature end/, "INVALID_MEDIA"),
  shown(
    "cut-off.jpg, lenient",
    () => inputFile("cut-off.jpg"),
    { ...ROCKET, mean: [49.5, 68.3, 92.3] },
    { tolerance: "lenient" },
  ),
  refused(
    "progressive, without its last scan",
    async () => withoutLastScan(await progressive()),
    /scans of it are missing/,
    DAMAGED,
  ),
  refused(
    "progressive, without its last scan, with an end",
    async () => withEndMarker(withoutLastScan(await progressive())),
    /scans of it are missing/,
    DAMAGED,
  ),
  shown(
    "progressive, without its last scan, with an end, lenient",
    async () => withEndMarker(withoutLastScan(await progressive())),
    { ...AS_BASE, by: "sharp alone" },
    { tolerance: "lenient" },
  ),
  refused("a hole in the middle", () => hole(), /damaged.*premature end of data/, DAMAGED),
  shown(
    "a hole in the middle, lenient",
    () => hole(),
    { ...AS_BASE, mean: [117.9, 138.3, 46.7], by: "sharp alone" },
    { tolerance: "lenient" },
  ),
  shown("bytes between its segments", async () => beforeFrame(await jpeg(), Buffer.from("AAA")), BASE),
  refused("height behind the picture (DNL)", async () => withHeightBehind(await jpeg()), /DNL/),
  refused("cut off in its header, lenient", async () => (await jpeg()).subarray(0, 150), /damaged/, "INVALID_MEDIA", {
    tolerance: "lenient",
  }),
];
