import { assertCompleted, processUploadWithRetry } from "upload-processor";
import { fileStorage } from "upload-processor/fs";
import { localAI } from "upload-processor/local-ai";
import { memoryRepository } from "upload-processor/memory";

const repository = memoryRepository({ uploads: [{ id: "1", storageKey: "photos/rocket.jpg", status: "pending" }] });
const result = await processUploadWithRetry("1", { storage: fileStorage("examples"), ai: localAI(), repository });
assertCompleted(result);
console.log(result.upload.description, result.upload.thumbnailKey);
