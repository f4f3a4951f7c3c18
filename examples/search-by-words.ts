import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { PGlite } from "@electric-sql/pglite";
import { vector } from "@electric-sql/pglite-pgvector";
import pg from "pg";
import { BatchProcessor } from "upload-processor";
import { aiSdk } from "upload-processor/ai-sdk";
import { fileStorage } from "upload-processor/fs";
import { postgresRepository } from "upload-processor/postgres";

const { BASE_URL = "http://127.0.0.1:1234/v1", DATABASE_URL, SEARCH = "something to drink" } = process.env;
const provider = createOpenAICompatible({ name: "acme", baseURL: BASE_URL, includeUsage: true });
const ai = aiSdk({
  model: provider(process.env.VISION_MODEL ?? "qwen3-vl"),
  embeddingModel: provider.textEmbeddingModel(process.env.EMBEDDING_MODEL ?? "nomic-embed-text"),
});

// A PostgreSQL server, or one inside this process.
const pool = DATABASE_URL === undefined ? undefined : new pg.Pool({ connectionString: DATABASE_URL });
pool?.on("error", console.error);
const embedded = pool === undefined ? await PGlite.create({ extensions: { vector } }) : undefined;
const repository = postgresRepository(pool ?? (embedded as PGlite));
await repository.migrate();

const photos = ["astronaut.jpg", "cat.png", "coffee.webp", "hubble.jpg", "rocket.jpg"];
if ((await repository.findBatch("photos")) === null) await repository.addBatch({ id: "photos" });
for (const id of photos)
  if ((await repository.findUpload(id)) === null)
    await repository.addUploads([{ id, batchId: "photos", storageKey: `photos/${id}` }]);
const storage = fileStorage(new URL(".", import.meta.url));
await new BatchProcessor({ storage, ai, repository, thumbnail: false }).process("photos");

// By the model that made the vectors of the descriptions.
const wanted = await ai.embedText(SEARCH);
for (const { upload, similarity } of await repository.findSimilar(wanted, { batchId: "photos", limit: 3 }))
  console.log(similarity.toFixed(2), upload.id, upload.description);
await (pool?.end() ?? embedded?.close());
