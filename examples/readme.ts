import pg from "pg";
import { BatchProcessor } from "upload-processor";
import { fileStorage } from "upload-processor/fs";
import { ollama } from "upload-processor/ollama";
import { postgresRepository } from "upload-processor/postgres";

const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL });
pool.on("error", console.error); // without it, a database that restarts ends this process
const repository = postgresRepository(pool);
await repository.migrate();

const ai = ollama({ model: "qwen3-vl", embeddingModel: "nomic-embed-text" });
const processor = new BatchProcessor({ storage: fileStorage("/var/lib/photos"), ai, repository, concurrency: 4 });
processor.on("upload:settled", ({ uploadId, status }) => console.log(uploadId, status));

await processor.recover(); // what an earlier process left unfinished
if ((await repository.findBatch("holiday")) === null) await repository.addBatch({ id: "holiday" });
const beach = { id: "beach", batchId: "holiday", storageKey: "originals/beach.jpg" };
if ((await repository.findUpload(beach.id)) === null) await repository.addUploads([beach]);
console.log(await processor.process("holiday"));
await pool.end();
