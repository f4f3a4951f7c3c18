import { createHash } from "node:crypto";
import type { AIAdapter } from "../../../src/index.js";
import type { Ledger } from "./ledger.js";

/**
 * A model that costs next to nothing, so that 100,000 uploads take minutes: it has the vision image made, and answers with
 * its hash. Whatever is mixed up between uploads in work at once shows in what is stored.
 */
export function hashingAI(ledger: Ledger): AIAdapter {
  return {
    version: "hash-1",
    dimensions: 8,
    concurrency: { describe: 4, embed: 4 },
    async describe(media) {
      ledger.describes++;
      const { data, width, height } = await media.visionImage();
      return { text: createHash("sha256").update(data).digest("hex"), metadata: { size: `${width}x${height}` } };
    },
    async embed({ text }) {
      ledger.embeds++;
      return Buffer.from(text, "hex").subarray(0, 8);
    },
  };
}
