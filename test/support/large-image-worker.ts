/** Processes a JPEG that says it is this large, with the default limits, and prints what came of it and the most memory that it had, in MiB. */
import sharp from "sharp";
import { memoryRepository } from "../../src/adapters/memory.js";
import { type Media, processUploadWithRetry } from "../../src/index.js";
import { photo } from "./images.js";

const [coding, width, height] = process.argv.slice(2);
const progressive = coding === "progressive";
const bytes = await sharp(photo("astronaut.jpg")).resize(64).jpeg({ progressive }).toBuffer();
const frame = bytes.indexOf(Buffer.from([0xff, progressive ? 0xc2 : 0xc0]));
bytes.writeUInt16BE(Number(height), frame + 5);
bytes.writeUInt16BE(Number(width), frame + 7);

const storage = { open: async () => ({ bytes }), write: async () => {}, delete: async () => {} };
const describe = async (media: Media) => `${(await media.visionImage()).width} px wide`;
const repository = memoryRepository({ uploads: [{ id: "1", storageKey: "1", status: "pending" }] });
const result = await processUploadWithRetry("1", { storage, ai: { describe }, repository });
const outcome = result.status === "failed" ? `${result.error.code}: ${result.error.message}` : result.status;
console.log(JSON.stringify({ outcome, peakMiB: Math.round(process.resourceUsage().maxRSS / 1024) }));
