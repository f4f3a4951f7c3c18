import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import sharp from "sharp";
import { repository, requireCompleted, storage, uploadsOf } from "./idle-adapters.js";
import { aiSdk, BatchProcessor, createRuntime } from "./library.js";
import { examplePhoto } from "./photos.js";
import type { Benchmark } from "./report.js";
import { interleave, median, ratio, timeOf } from "./rounds.js";

const UPLOADS = 1000;
const DESCRIBE_MS = 20;
/** Questions at once, on both sides: with more, two cores are at their limit, and it would be about decoding. */
const CONCURRENCY = 4;

/** What the pipeline costs over a real client, real HTTP and a fast model, against that client called in a loop. */
export const models: Benchmark = async ({ quick }) => {
  const program = fileURLToPath(new URL("models-server.ts", import.meta.url));
  const server = fork(program, [String(DESCRIBE_MS)], { execArgv: ["--import", "tsx"] });
  try {
    const [baseURL] = await once(server, "message");
    const model = createOpenAICompatible({ name: "bench", baseURL: String(baseURL), includeUsage: true })("eyes");
    // Small, so that this is about calls: what decoding costs is measured by the benchmark of thumbnails.
    const photo = await sharp(examplePhoto("rocket.jpg")).resize(224, 224).jpeg().toBuffer();
    const uploads = quick ? UPLOADS / 4 : UPLOADS;
    const library = () => byLibrary(model, photo, uploads);
    const bare = () => byHand(model, photo, uploads);
    await library();
    await bare();
    const times = await interleave(quick ? 3 : 7, { library: () => timeOf(library), bare: () => timeOf(bare) });
    const perSecond = (side: readonly number[]) => `${Math.round(uploads / (median(side) / 1000))}/s`;
    return [
      {
        name: `a model of ${DESCRIBE_MS} ms over HTTP, ${CONCURRENCY} at once`,
        library: perSecond(times.library),
        bare: perSecond(times.bare),
        ...{ measured: ratio(times.bare, times.library), unit: "×", target: { atLeast: 0.97 } },
      },
    ];
  } finally {
    server.disconnect();
  }
};

type Model = ReturnType<ReturnType<typeof createOpenAICompatible>>;

async function byLibrary(model: Model, photo: Uint8Array, uploads: number): Promise<void> {
  const processor = new BatchProcessor({
    storage: { ...storage, open: async () => ({ bytes: photo }) },
    ai: aiSdk({ model, prompt: PROMPT }),
    repository,
    // Made with the image for the model, of one decoding, before a call is made.
    thumbnail: { size: 64 },
    concurrency: 4 * CONCURRENCY,
    // The limit of the model: the next uploads are opened, decoded and stored meanwhile.
    runtime: createRuntime({ limits: { describe: CONCURRENCY } }),
  });
  requireCompleted(await processor.processUploads(uploadsOf(uploads)), uploads);
}

const PROMPT = "Describe the picture.";

/** As one calls the client without the library, with a picture that is ready. */
async function byHand(model: Model, photo: Uint8Array, uploads: number): Promise<void> {
  let left = uploads;
  const worker = async () => {
    while (left-- > 0) {
      const file = { type: "file" as const, mediaType: "image/jpeg", data: photo };
      const content = [{ type: "text" as const, text: PROMPT }, file];
      const { stream } = await model.doStream({ prompt: [{ role: "user", content }] });
      let text = "";
      for await (const part of stream) if (part.type === "text-delta") text += part.delta;
      if (!text.endsWith("keyboard.")) throw new Error(`expected a description, got ${text}`);
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, worker));
}
