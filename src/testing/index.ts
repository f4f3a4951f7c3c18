export {
  type RepositoryContractOptions,
  type RepositoryFixture,
  testRepositoryContract,
} from "./repository-contract.js";
export { type StorageContractOptions, type StorageFixture, testStorageContract } from "./storage-contract.js";
