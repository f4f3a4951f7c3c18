import { type AIAdapter, assertCompleted, descriptionQuality, processUploadWithRetry } from "upload-processor";
import { fileStorage } from "upload-processor/fs";
import { memoryRepository } from "upload-processor/memory";

const { OLLAMA_HOST = "http://127.0.0.1:11434" } = process.env;

async function ask(path: string, body: object, signal: AbortSignal) {
  const answer = await fetch(`${OLLAMA_HOST}/api/${path}`, { method: "POST", body: JSON.stringify(body), signal });
  const { ok, status, headers } = answer; // from which the library tells whose fault an error is
  if (!ok) throw Object.assign(new Error(await answer.text()), { status, headers });
  return (await answer.json()) as { message: { content: string }; embeddings: number[][] };
}

const ai: AIAdapter = {
  version: "qwen3-vl/1", // count it up with the model or the prompt: what has an older one can be done again
  audit: descriptionQuality(),
  async describe(media, { signal }) {
    const { data } = await media.visionImage(); // a JPEG: upright, at most 1568 pixels a side
    const prompt = "Describe this picture for somebody who searches for it.";
    const messages = [{ role: "user", content: prompt, images: [Buffer.from(data).toString("base64")] }];
    const { message } = await ask("chat", { model: "qwen3-vl", messages, stream: false }, signal);
    return { text: message.content, prompt };
  },
  async embed({ text }, { signal }) {
    return (await ask("embed", { model: "nomic-embed-text", input: text }, signal)).embeddings[0] ?? [];
  },
};

const repository = memoryRepository({ uploads: [{ id: "1", storageKey: "photos/cat.png", status: "pending" }] });
const storage = fileStorage(new URL(".", import.meta.url));
const result = await processUploadWithRetry("1", { storage, ai, repository }, { thumbnail: false });
assertCompleted(result);
console.log(result.upload.description, result.upload.embedding?.length);
