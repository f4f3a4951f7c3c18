export {
  type RepositoryContractOptions,
  type RepositoryFixture,
  testRepositoryContract,
} from "./repository-contract.js";
