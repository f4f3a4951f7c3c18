import { type MemoryRepository, memoryRepository } from "../../src/adapters/memory.js";
import type { UploadStatus } from "../../src/contracts/upload.js";
import { type RepositoryFixture, testRepositoryContract } from "../../src/testing/index.js";
import { failingChecks } from "./failing-checks.js";

/** What a flawed repository does in another way than the memory repository that it stands upon. */
export type Flaw = (memory: MemoryRepository) => Partial<MemoryRepository>;

export function fixtureOf(flaw: Flaw): RepositoryFixture {
  let now = 1_000_000;
  const memory = memoryRepository({ now: () => now });
  const repository = { ...memory, ...flaw(memory) };
  const advance = (ms: number) => {
    now += ms;
  };
  return { ...repository, repository, advance };
}

export const failuresOf = (create: () => RepositoryFixture, options = {}) =>
  failingChecks((test) => testRepositoryContract({ test, create, ...options }));

/** The name of a flaw, the test of the suite that has to notice it, and the flaw. */
export type Flaws = Record<string, { readonly caughtBy: string; readonly flaw: Flaw }>;

export const isSettled = (status: UploadStatus | undefined) => status === "completed" || status === "failed";
