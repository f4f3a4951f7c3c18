export { type FakeAI, type FakeAIOptions, fakeAI } from "./fakes/ai.js";
export { type FakeClock, fakeClock } from "./fakes/clock.js";
export type { FakeCall, FakeControls } from "./fakes/fake.js";
export { type FakeContext, type FakeMedia, type FakeMediaOptions, fakeContext, fakeMedia } from "./fakes/media.js";
export { type FakeRepository, fakeRepository } from "./fakes/repository.js";
export type { Script, StepOptions } from "./fakes/script.js";
export { type FakeStorage, type FakeStorageOptions, fakeStorage } from "./fakes/storage.js";
