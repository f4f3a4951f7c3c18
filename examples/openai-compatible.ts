import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { BatchProcessor } from "upload-processor";
import { aiSdk } from "upload-processor/ai-sdk";
import { fileStorage } from "upload-processor/fs";
import { memoryRepository } from "upload-processor/memory";

// Of OpenAI, or of whatever speaks its protocol: vLLM, LM Studio, llama.cpp, OpenRouter …
const { BASE_URL = "http://127.0.0.1:1234/v1", API_KEY, VISION_MODEL = "qwen3-vl", EMBEDDING_MODEL } = process.env;
const provider = createOpenAICompatible({
  name: "acme",
  baseURL: BASE_URL,
  ...(API_KEY === undefined ? {} : { apiKey: API_KEY }),
  includeUsage: true, // or streams do not tell what they cost
});

const ai = aiSdk({
  model: provider(VISION_MODEL),
  ...(EMBEDDING_MODEL === undefined ? {} : { embeddingModel: provider.textEmbeddingModel(EMBEDDING_MODEL) }),
  prompt: "Answer with JSON alone: description (two sentences), tags (up to ten words), altText (one sentence).",
  price: { input: 0.4, output: 1.6, embed: 0.02 }, // for a million tokens
});

const photos = ["cat.png", "coffee.webp", "rocket.jpg"];
const repository = memoryRepository({
  uploads: photos.map((name) => ({ id: name, storageKey: `photos/${name}`, status: "pending" as const })),
});
const storage = fileStorage(new URL(".", import.meta.url));
const processor = new BatchProcessor({ storage, ai, repository, thumbnail: false });
processor.on("upload:progress", ({ uploadId, progress }) => console.log(uploadId, `${progress} %`));

const result = await processor.processUploads(photos, { budget: 1 }); // in the currency of the prices
for (const name of photos) {
  const upload = await repository.findUpload(name);
  console.log(name, upload?.status, upload?.description, upload?.metadata?.tags);
}
console.log(`${result.completed} described, for ${result.usage.cost}`);
