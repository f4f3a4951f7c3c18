import pg from "pg";
import { type AIAdapter, BatchProcessor } from "upload-processor";
import { fileStorage } from "upload-processor/fs";
import { postgresRepository } from "upload-processor/postgres";

const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL });
pool.on("error", console.error); // without it, a database that restarts ends this process
const repository = postgresRepository(pool);
await repository.migrate();

async function ollama(path: string, body: object, signal: AbortSignal) {
  const url = `http://127.0.0.1:11434/api/${path}`;
  const answer = await fetch(url, { method: "POST", body: JSON.stringify(body), signal });
  const { ok, status, headers } = answer; // from which the library tells whose fault an error is
  if (!ok) throw Object.assign(new Error(await answer.text()), { status, headers });
  return (await answer.json()) as { response: string; embeddings: number[][] };
}

const ai: AIAdapter = {
  version: "qwen3-vl/1",
  concurrency: { describe: 1, embed: 3 },
  async describe(media, { signal }) {
    const { data } = await media.visionImage(); // a JPEG: upright, at most 1568 pixels a side
    const images = [Buffer.from(data).toString("base64")];
    const prompt = "Describe this picture for somebody who searches for it.";
    return (await ollama("generate", { model: "qwen3-vl", prompt, images, stream: false }, signal)).response;
  },
  async embed({ text }, { signal }) {
    return (await ollama("embed", { model: "nomic-embed-text", input: text }, signal)).embeddings[0] ?? [];
  },
};

const processor = new BatchProcessor({ storage: fileStorage("/var/lib/photos"), ai, repository, concurrency: 4 });
processor.on("upload:settled", ({ uploadId, status }) => console.log(uploadId, status));

await processor.recover(); // what an earlier process left unfinished
await repository.addBatch({ id: "holiday" });
await repository.addUploads([{ id: "beach", batchId: "holiday", storageKey: "originals/beach.jpg" }]);
console.log(await processor.process("holiday"));
await pool.end();
