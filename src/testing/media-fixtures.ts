import { bombs } from "./fixtures/bombs.js";
import { damaged } from "./fixtures/damaged.js";
import type { MediaFixture } from "./fixtures/fixture.js";
import { mislabelled } from "./fixtures/mislabelled.js";
import { twoInOne } from "./fixtures/two-in-one.js";
import { unusual } from "./fixtures/unusual.js";

export type { MediaFixture };

/**
 * Odd and hostile media: damaged, mislabelled, oversized, unusual. Made here, byte by byte, and the same in every run; 6 MB
 * in all. Your storage, your model and your limits can be tried with them. What becomes of each, and why, is listed in
 * `media-fixtures.md`, beside this file in the repository.
 *
 * @example
 * for (const { name, fileName, bytes, expected } of createMediaFixtures())
 *   test(name, async () => {
 *     const upload = await uploadAsAUserDoes(fileName, bytes);
 *     const result = await processUploadWithRetry(upload, adapters);
 *     assert.equal(result.status === "failed" ? result.error.code : result.status, expected);
 *   });
 */
export function createMediaFixtures(): MediaFixture[] {
  return [...damaged(), ...mislabelled(), ...twoInOne(), ...bombs(), ...unusual()];
}
