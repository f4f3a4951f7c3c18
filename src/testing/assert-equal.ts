import assert from "node:assert/strict";

/**
 * Compares values that can be stored, whichever realm they were made in: a runner such as Jest runs the tests in one of their
 * own, where objects that come from outside, as of `structuredClone` or `fetch`, have other prototypes.
 *
 * @throws AssertionError
 */
export function assertEqual(actual: unknown, expected: unknown, message?: string): void {
  assert.deepEqual(structuredClone(actual), structuredClone(expected), message);
}
