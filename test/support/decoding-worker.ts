/** Makes thumbnails of one file, again and again, and prints the memory after each, in MiB, and the limits of sharp's cache. */
import sharp from "sharp";
import { makeThumbnail } from "../../src/media/thumbnail.js";

const [path = "", mimeType = "", times = "1"] = process.argv.slice(2);
const settings = {
  size: 64,
  format: "jpeg",
  quality: 80,
  background: "#ffffff",
  limitInputPixels: 100_000_000,
} as const;
const limits = () => JSON.stringify(sharp.cache(), ["memory", "files", "items", "max"]);
const before = limits();
const memory: number[] = [];
for (let left = Number(times); left > 0; left--) {
  await makeThumbnail({ input: path, mimeType }, settings);
  memory.push(Math.round(process.memoryUsage.rss() / 2 ** 20));
}
console.log(JSON.stringify({ memory, limits: [before, limits()] }));
