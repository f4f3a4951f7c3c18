/**
 * A folder of photos, described and made searchable by an Ollama of your own.
 *
 *     ollama pull qwen2.5vl:7b && ollama pull nomic-embed-text
 *     npm install ollama
 *     npx tsx examples/ollama.ts "a rocket"
 */
import { readdir } from "node:fs/promises";
import { BatchProcessor } from "upload-processor";
import { fileStorage } from "upload-processor/fs";
import { memoryRepository } from "upload-processor/memory";
import { ollama } from "upload-processor/ollama";

const { OLLAMA_HOST, VISION_MODEL = "qwen2.5vl:7b", EMBEDDING_MODEL = "nomic-embed-text" } = process.env;
const query = process.argv[2] ?? "a cat";

const ai = ollama({ host: OLLAMA_HOST, model: VISION_MODEL, embeddingModel: EMBEDDING_MODEL, keepAlive: "30m" });
// The server, both models, and whether the first can see: what is missing is named with the command that gets it.
await ai.checkHealth({ signal: AbortSignal.timeout(10_000) });

const photos = (await readdir("examples/photos")).filter((name) => /\.(?:jpg|png|webp)$/.test(name));
const uploads = photos.map((name) => ({ id: name, storageKey: `photos/${name}`, status: "pending" as const }));
const repository = memoryRepository({ uploads });
const processor = new BatchProcessor({ storage: fileStorage("examples"), ai, repository, thumbnail: false });
processor.on("upload:progress", ({ uploadId, progress, stage }) => console.log(`${uploadId} ${progress} % ${stage}`));

const { completed, failed, usage } = await processor.processUploads(uploads);
console.log(`${completed} described, ${failed} failed, ${usage.totalTokens ?? 0} tokens`);

const found = await repository.findSimilar(await ai.embedText(query), { limit: 3 });
for (const { upload, similarity } of found) console.log(`${similarity.toFixed(3)} ${upload.id}: ${upload.description}`);
