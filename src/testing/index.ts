export { type AIContractOptions, type AIFixture, testAIContract } from "./ai-contract.js";
export {
  type FakeAI,
  type FakeAIOptions,
  type FakeCall,
  type FakeClock,
  type FakeContext,
  type FakeControls,
  type FakeMedia,
  type FakeMediaOptions,
  type FakeRepository,
  type FakeStorage,
  type FakeStorageOptions,
  fakeAI,
  fakeClock,
  fakeContext,
  fakeMedia,
  fakeRepository,
  fakeStorage,
  type Script,
  type StepOptions,
} from "./fakes.js";
export {
  type Fault,
  type FaultCall,
  type FaultKind,
  type FaultPlan,
  type InjectedFaults,
  injectFaults,
} from "./faults.js";
export { createMediaFixtures, type MediaFixture } from "./media-fixtures.js";
export {
  type RepositoryContractOptions,
  type RepositoryFixture,
  testRepositoryContract,
} from "./repository-contract.js";
export { sampleJpeg } from "./sample-jpeg.js";
export { type StorageContractOptions, type StorageFixture, testStorageContract } from "./storage-contract.js";
