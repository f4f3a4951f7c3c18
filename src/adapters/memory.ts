export {
  type MemoryRepository,
  type MemoryRepositoryOptions,
  memoryRepository,
  type StoredUpload,
} from "./memory/repository.js";
export { type MemoryStorage, memoryStorage } from "./memory/storage.js";
