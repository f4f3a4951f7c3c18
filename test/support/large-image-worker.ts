/** Processes a JPEG with the default limits, and prints what came of it and the most memory that it had, in MiB. */
import { memoryRepository } from "../../src/adapters/memory.js";
import { type Media, processUploadWithRetry } from "../../src/index.js";

const [path = ""] = process.argv.slice(2);
const storage = { open: async () => ({ path }), write: async () => {}, delete: async () => {} };
const describe = async (media: Media) => `${(await media.visionImage()).width} px wide`;
const repository = memoryRepository({ uploads: [{ id: "1", storageKey: "1", status: "pending" }] });
const result = await processUploadWithRetry("1", { storage, ai: { describe }, repository });
const outcome = result.status === "failed" ? `${result.error.code}: ${result.error.message}` : result.status;
console.log(JSON.stringify({ outcome, peakMiB: Math.round(process.resourceUsage().maxRSS / 1024) }));
