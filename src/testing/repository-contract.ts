import type { UploadRecord } from "../contracts/upload.js";
import { testBatches } from "./repository/batches.js";
import { testCancelled } from "./repository/cancelled.js";
import { testClaims } from "./repository/claims.js";
import { testClocks } from "./repository/clocks.js";
import { testDrafts } from "./repository/drafts.js";
import {
  capabilities,
  createBench,
  type RepositoryContractOptions,
  type RepositoryFixture,
} from "./repository/fixture.js";
import { testLetterCase } from "./repository/letter-case.js";
import { testLists } from "./repository/lists.js";
import { testMissing } from "./repository/missing.js";
import { testNamedResets } from "./repository/named-resets.js";
import { testRaces } from "./repository/races.js";
import { testResetClaims } from "./repository/reset-claims.js";
import { testResets } from "./repository/resets.js";
import { testSelectedResets } from "./repository/selected-resets.js";
import { testSelections } from "./repository/selections.js";
import { testTokens } from "./repository/tokens.js";
import { testUndo } from "./repository/undo.js";
import { testUploads } from "./repository/uploads.js";
import { testFencedWrites } from "./repository/writes.js";

export type { RepositoryContractOptions, RepositoryFixture };

/**
 * Registers the tests that every repository has to pass for the library to keep its promises. Bound to no test runner; a
 * failed expectation throws the `AssertionError` of `node:assert`.
 *
 * For tables whose ids are numbers, or with foreign keys, the fixture says `newId`, `impossibleId` and `userId`; a batch is always added
 * before the uploads that name it. How to write a repository stands in `src/contracts/repository.md`.
 *
 * @example
 * import { test } from "node:test";
 *
 * testRepositoryContract({
 *   test,
 *   create: async () => ({
 *     repository: prismaRepository(prisma),
 *     addUploads: async (uploads) => void (await prisma.upload.createMany({ data: uploads.map(toRow) })),
 *     addBatch: async (batch) => void (await prisma.batch.create({ data: batch })),
 *     deleteUpload: async (id) => void (await prisma.upload.delete({ where: { id } })),
 *   }),
 * });
 */
export function testRepositoryContract<U extends UploadRecord>(options: RepositoryContractOptions<U>): void {
  const bench = createBench(options);
  const { claims, resets, batches } = capabilities(options);
  testUploads(bench);
  testDrafts(bench);
  if (claims) {
    testClaims(bench);
    testTokens(bench);
    testFencedWrites(bench);
    if (options.ownClock ?? true) testClocks(bench);
  }
  if (resets) {
    testResets(bench);
    testNamedResets(bench, { batches });
    testUndo(bench, { claims });
  }
  if (batches) {
    testBatches(bench);
    testLists(bench);
    testSelections(bench, { resets });
    testMissing(bench, { resets });
    if (claims) testCancelled(bench);
  }
  if (resets && claims) testResetClaims(bench);
  if (resets && batches) testSelectedResets(bench);
  testRaces(bench, { claims, resets, batches });
  testLetterCase(bench, { claims, resets, batches });
}
