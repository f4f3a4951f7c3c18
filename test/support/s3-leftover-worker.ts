/** Processes an upload whose original is in S3, with its temporary files in the folder that it is given. Prints the outcome. */
import { localAI } from "../../src/adapters/local-ai.js";
import { memoryRepository } from "../../src/adapters/memory.js";
import { s3Storage } from "../../src/adapters/s3.js";
import { processUploadWithRetry } from "../../src/index.js";
import { s3Client } from "./s3.js";

const [port, folder] = process.argv.slice(2);
process.env.TMPDIR = folder; // not before, because tsx has temporary files, too
const client = s3Client(Number(port));
const repository = memoryRepository({ uploads: [{ id: "1", storageKey: "1.jpg", status: "pending" }] });
const adapters = { storage: s3Storage({ client, bucket: "photos" }), ai: localAI(), repository };
const { status } = await processUploadWithRetry("1", adapters);
client.destroy();
console.log(status);
