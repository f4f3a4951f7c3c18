import type { AIAdapter, Description, Media, VisionImage } from "../contracts/ai.js";
import { decodePixels } from "../media/pixels.js";
import { DIMENSIONS, EMBEDDING_SIDE, embedPixels } from "./local-ai/embedding.js";
import { MEASURED_SIDE, type Measurements, measure } from "./local-ai/measure.js";
import { describeMeasurements } from "./local-ai/sentences.js";

export type { Measurements } from "./local-ai/measure.js";

/** What {@link localAI} makes: an adapter with everything in it. */
export interface LocalAI extends AIAdapter {
  readonly describe: (media: Media) => Promise<Description & { readonly metadata: { readonly visual: Measurements } }>;
  readonly embed: (input: { text: string; media: Media }) => Promise<Float32Array>;
  readonly dimensions: number;
  readonly version: string;
}

/**
 * An AI adapter without a model: it works offline, at once and for nothing. For demos, tests, and finding similar images.
 *
 * - `describe` puts into words what can be measured: light, colours, format, and where the detail is. It does not know what
 *   an image shows. The figures are in `metadata.visual`.
 * - `embed` makes a vector of what the image looks like, and takes no notice of the text: smaller, cropped and re-encoded
 *   versions of a photo are its nearest neighbours, by cosine distance. It cannot be searched with words.
 *
 * @example
 * await processUploadWithRetry(upload, { storage, repository, ai: localAI() });
 */
export function localAI(): LocalAI {
  return {
    version: "local-ai-1",
    dimensions: DIMENSIONS,
    // The decoder works beside the event loop, the rest in it: two at once keep both busy.
    concurrency: { describe: 2, embed: 2 },
    async describe(media) {
      const image = await media.visionImage();
      const visual = measure(await decodePixels(image, fitInside(image, MEASURED_SIDE)));
      return { text: describeMeasurements(visual, image), metadata: { visual } };
    },
    async embed({ media }) {
      const size = { width: EMBEDDING_SIDE, height: EMBEDDING_SIDE };
      return embedPixels(await decodePixels(await media.visionImage(), size));
    },
  };
}

/** Of a line, more than one pixel: there have to be edges and a middle to measure. */
const MIN_SIDE = 16;

function fitInside({ width, height }: VisionImage, longest: number): { width: number; height: number } {
  const scale = Math.min(1, longest / Math.max(width, height));
  const side = (length: number) => Math.max(MIN_SIDE, Math.round(length * scale));
  return { width: side(width), height: side(height) };
}
