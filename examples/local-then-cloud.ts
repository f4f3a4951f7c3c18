import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { BatchProcessor, descriptionQuality, fallbackAI } from "upload-processor";
import { aiSdk } from "upload-processor/ai-sdk";
import { fileStorage } from "upload-processor/fs";
import { memoryRepository } from "upload-processor/memory";
import { ollama } from "upload-processor/ollama";

// A model of your own describes; what it cannot do well, or at all, is done by one that costs.
const { OLLAMA_HOST, BASE_URL = "https://api.openai.com/v1", API_KEY, CLOUD_MODEL = "gpt-5-mini" } = process.env;
const local = ollama({ host: OLLAMA_HOST, model: "qwen2.5vl:7b", embeddingModel: "nomic-embed-text" });
const provider = createOpenAICompatible({
  name: "cloud",
  baseURL: BASE_URL,
  ...(API_KEY === undefined ? {} : { apiKey: API_KEY }),
  includeUsage: true, // or streams do not tell what they cost
});
const cloud = aiSdk({
  model: provider(CLOUD_MODEL),
  price: { input: 0.25, output: 2 }, // for a million tokens
  audit: descriptionQuality(),
});
const ai = fallbackAI([local, cloud]); // vectors are only ever made by the first, so that they can be compared

const photos = ["cat.png", "coffee.webp", "rocket.jpg"];
const repository = memoryRepository({
  uploads: photos.map((name) => ({ id: name, storageKey: `photos/${name}`, status: "pending" as const })),
});
const storage = fileStorage(new URL(".", import.meta.url));
const processor = new BatchProcessor({ storage, ai, repository, thumbnail: false });

// Ends the run before it costs more than a dollar; calling it again goes on.
const { status, usage } = await processor.processUploads(photos, { budget: 1 });
for (const name of photos) {
  const upload = await repository.findUpload(name);
  console.log(`${name}, by ${upload?.metadata?.model}: ${upload?.description}`);
}
console.log(`${status}, for ${usage.cost ?? 0}`);
