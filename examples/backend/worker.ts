/** A worker process: start as many as you like, on as many machines as reach the folder, Redis and PostgreSQL. */
import { createUploadWorker } from "upload-processor/bullmq";
import { localAI } from "upload-processor/local-ai";
import { publishTo } from "upload-processor/progress";
import { openServices, told } from "./services.js";
import { streamed } from "./streamed.js";
import { MAX_BYTES, thumbnailKey } from "./uploads.js";

const { queue, connection, channel, storage, repository, close: closeServices } = await openServices();
const ai = streamed(localAI(), Number(process.env.DESCRIBE_MS ?? 3000)); // put your model here

/** How long connections may take to close, in milliseconds. */
const CLOSING_MS = 2000;

const { worker, close } = createUploadWorker(
  queue,
  { storage, ai, repository },
  {
    thumbnail: { key: thumbnailKey },
    input: { maxBytes: MAX_BYTES },
    plugins: [publishTo(channel, { fields: ["description", "fileName"] })],
    worker: { connection, concurrency: 2 },
  },
);
worker.on("error", told);
worker.on("ready", () => console.log("Working"));

let isClosing = false;
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, async () => {
    if (isClosing) return;
    isClosing = true;
    // What is in work may end; what takes longer is handed back, and goes on elsewhere behind what it has stored.
    await close({ graceMs: 10_000 });
    // While Redis or PostgreSQL is away, their clients keep the process alive.
    setTimeout(() => process.exit(), CLOSING_MS);
    await closeServices();
    process.exit();
  });
}
