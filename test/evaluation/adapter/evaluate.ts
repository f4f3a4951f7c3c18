import { type AIAdapter, descriptionQuality, processUploadWithRetry, type UploadRecord } from "upload-processor";
import { fileStorage } from "upload-processor/fs";
import { memoryRepository } from "upload-processor/memory";
import { FACTS, type Recall, recallOf } from "./facts.js";
import { languageOf } from "./language.js";

const PHOTOS = new URL("../../../examples/photos/", import.meta.url);

/** What an adapter made of one photograph. */
export interface Evaluated {
  readonly photo: string;
  readonly recall: Recall;
  readonly language: string;
  /** Of `descriptionQuality()`, from 0 to 1. */
  readonly score: number;
  /** Of all calls of describe, in seconds. */
  readonly seconds: number;
  readonly inputTokens: number | undefined;
  readonly outputTokens: number | undefined;
  readonly cost: number | undefined;
  readonly requests: number | undefined;
  /** Or the reason why there is none. */
  readonly description: string;
}

/** Sends the photographs through the pipeline one by one, as an application would: nothing but the adapter is of the evaluation. */
export async function evaluate(ai: AIAdapter, photos: readonly string[] = Object.keys(FACTS)): Promise<Evaluated[]> {
  const uploads = photos.map((photo): UploadRecord => ({ id: photo, storageKey: photo, status: "pending" }));
  const adapters = { ai, storage: fileStorage(PHOTOS), repository: memoryRepository({ uploads }) };
  const evaluated: Evaluated[] = [];
  for (const { id } of uploads) {
    // No thumbnails: they would be written beside the photographs.
    const result = await processUploadWithRetry(id, adapters, { thumbnail: false });
    if (result.status !== "completed" && result.status !== "failed")
      throw new Error(`${id}: expected it to be completed or failed, got ${result.status}`);
    const isDone = result.status === "completed";
    const description = isDone ? (result.upload.description ?? "") : result.error.message;
    const calls = result.stages.filter(({ stage }) => stage === "describe");
    const sum = (of: "inputTokens" | "outputTokens" | "cost" | "requests") => {
      const told = calls.flatMap(({ usage }) => usage?.[of] ?? []);
      return told.length === 0 ? undefined : told.reduce((total, count) => total + count, 0);
    };
    evaluated.push({
      photo: id,
      recall: recallOf(FACTS[id] ?? {}, isDone ? description : ""),
      language: isDone ? languageOf(description) : "failed",
      score: isDone ? descriptionQuality().check(description, { upload: result.upload, kind: "image" }).score : 0,
      seconds: calls.reduce((total, { durationMs }) => total + durationMs, 0) / 1000,
      ...{ inputTokens: sum("inputTokens"), outputTokens: sum("outputTokens"), cost: sum("cost") },
      ...{ requests: sum("requests"), description },
    });
  }
  return evaluated;
}
