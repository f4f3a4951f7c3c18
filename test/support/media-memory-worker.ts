/** Processes photographs, or the media fixtures, as uploads, one after the other, and prints the most memory that it had, in MiB. */
import { memoryRepository } from "../../src/adapters/memory.js";
import { type Media, processUploadWithRetry } from "../../src/index.js";
import { createMediaFixtures } from "../../src/testing/index.js";
import { photo } from "./images.js";

const [what, times = "1"] = process.argv.slice(2);
const photos = () => ["astronaut.jpg", "cat.png", "coffee.webp", "hubble.jpg", "astronaut-round-alpha.png"].map(photo);
const originals = what === "fixtures" ? createMediaFixtures().map(({ bytes }) => bytes) : photos();

const outcomes: Record<string, number> = {};
for (let left = Number(times); left > 0; left--) for (const bytes of originals) await processed(bytes);
console.log(JSON.stringify({ outcomes, peakMiB: Math.round(process.resourceUsage().maxRSS / 1024) }));

async function processed(bytes: Uint8Array): Promise<void> {
  const storage = { open: async () => ({ bytes }), write: async () => {}, delete: async () => {} };
  const describe = async (media: Media) => `${(await media.visionImage()).width} px wide`;
  const repository = memoryRepository({ uploads: [{ id: "1", storageKey: "1", status: "pending" }] });
  const result = await processUploadWithRetry("1", { storage, ai: { describe }, repository });
  const outcome = result.status === "failed" ? result.error.code : result.status;
  outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
}
