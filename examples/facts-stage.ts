/**
 * A stage that adds facts to an upload: its most frequent colours, found by sharp, stored with the record, read with their type.
 *
 *     npx tsx examples/facts-stage.ts
 */
import sharp from "sharp";
import { assertCompleted, defineStage, processUploadWithRetry, stageResult } from "upload-processor";
import { fileStorage } from "upload-processor/fs";
import { localAI } from "upload-processor/local-ai";
import { memoryRepository } from "upload-processor/memory";

/** So many steps for each of red, green and blue. */
const STEPS = 4;

const palette = defineStage({
  name: "palette",
  // Without it the upload is complete all the same: its failure is a warning.
  required: false,
  async run(media) {
    const { data } = await media.visionImage();
    const pixels = await sharp(data).resize(64, 64, { fit: "inside" }).removeAlpha().raw().toBuffer();
    const counts = new Map<string, number>();
    for (let place = 0; place < pixels.length; place += 3) {
      const colour = [...pixels.subarray(place, place + 3)].map(toStep).join("");
      counts.set(colour, (counts.get(colour) ?? 0) + 1);
    }
    const byCount = [...counts].sort(([, a], [, b]) => b - a);
    return { colours: byCount.slice(0, 3).map(([colour, count]) => ({ colour: `#${colour}`, share: share(count) })) };
    function share(count: number): number {
      return Math.round((300 * count) / pixels.length) / 100;
    }
  },
});

/** The middle of the step that a value falls into, as two hexadecimal digits. */
function toStep(value: number): string {
  const width = 256 / STEPS;
  return (Math.floor(value / width) * width + width / 2).toString(16).padStart(2, "0");
}

const repository = memoryRepository({ uploads: [{ id: "1", storageKey: "photos/coffee.webp", status: "pending" }] });
const adapters = { storage: fileStorage("examples"), ai: localAI(), repository };
const result = await processUploadWithRetry("1", adapters, { stages: [palette] });
assertCompleted(result);

const stored = await repository.findUpload("1");
for (const { colour, share } of (stored && stageResult(stored, palette)?.colours) ?? [])
  console.log(`${colour} ${Math.round(share * 100)} %`);
console.log(result.upload.description);
