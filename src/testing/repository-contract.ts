import type { UploadRecord } from "../contracts/upload.js";
import { testBatches } from "./repository/batches.js";
import { testClaims } from "./repository/claims.js";
import { testClocks } from "./repository/clocks.js";
import { createBench, type RepositoryFixture } from "./repository/fixture.js";
import { testUploads } from "./repository/uploads.js";
import { testFencedWrites } from "./repository/writes.js";

export type { RepositoryFixture };

export interface RepositoryContractOptions<U extends UploadRecord = UploadRecord> {
  /** Registers a test: `test` of vitest, Jest or `node:test`. */
  readonly test: (name: string, body: () => Promise<void>) => unknown;
  /** Called at the start of every test. The store may be shared: ids are never used twice. */
  readonly create: () => RepositoryFixture<U> | Promise<RepositoryFixture<U>>;
  /** `false`: the repository has no `claimUpload`, and its users run one process. @default true */
  readonly claims?: boolean | undefined;
  /** `false`: the repository is for single uploads only, without `findBatch` and what belongs to it. @default true */
  readonly batches?: boolean | undefined;
  /**
   * `false`: the store runs inside this process and by its clock, as PGlite does, so that the tests cannot tell a lease by
   * the store's clock from one by the worker's. Otherwise they set the worker's `Date` off, and leases have to stand that.
   * @default true
   */
  readonly ownClock?: boolean | undefined;
  /** The length of the embeddings to store. @default 3 */
  readonly dimensions?: number | undefined;
}

/**
 * Registers the tests that every repository has to pass for the library to keep its promises. Bound to no test runner; a
 * failed expectation throws the `AssertionError` of `node:assert`.
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
  testUploads(bench);
  if (options.claims ?? true) {
    testClaims(bench);
    testFencedWrites(bench);
    if (options.ownClock ?? true) testClocks(bench);
  }
  if (options.batches ?? true) testBatches(bench);
}
