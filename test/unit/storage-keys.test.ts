import { describe, expect, it } from "vitest";
import { keyProblem } from "../../src/errors.js";
import { requireDerivedKey } from "../../src/storage-keys.js";

const ORIGINAL = "originals/42.jpg";
const check = (key: unknown) => requireDerivedKey("thumbnail.key", key, ORIGINAL);

describe("requireDerivedKey", () => {
  it.each(["thumbnails/42.jpg", "42", "a b/ü.jpg", "..a/b..", "thumbnails/originals/42.jpg"])("takes %j", (key) => {
    expect(check(key)).toBe(key);
  });

  it.each([
    ["undefined", undefined, /undefined, not a string/],
    ["null", null, /null, not a string/],
    ["a promise", Promise.resolve("thumbnails/42.jpg"), /object, not a string/],
    ["an empty one", "", /empty/],
    ["the key of the original", ORIGINAL, /storageKey/],
    ["one that climbs", "thumbnails/../originals/42.jpg", /"\.\."/],
    ["one that climbs on Windows", "thumbnails\\..\\originals\\42.jpg", /"\.\."/],
    ["one with a part that is dropped", "originals/./42.jpg", /"\."/],
    ["one with an empty part", "thumbnails//42.jpg", /empty part/],
    ["one that begins with a slash", "/thumbnails/42.jpg", /empty part/],
    ["one that ends with a slash", "thumbnails/", /empty part/],
    ["one with a NUL", "thumbnails/42\0.jpg", /NUL/],
  ])("refuses %s", (_, key, why) => {
    const refusal = { code: "THUMBNAIL_FAILED", stage: "thumbnail", retryable: false };
    expect(() => check(key)).toThrow(expect.objectContaining(refusal));
    expect(() => check(key)).toThrow(why);
    expect(() => check(key)).toThrow(/^thumbnail\.key: the key/);
  });

  it("does not repeat a long key in its message", () => {
    expect(() => check(`${"x".repeat(5000)}/..`)).toThrow(/^.{1,200}$/);
  });
});

it("keyProblem lets pass what the rules of all storages allow", () => {
  expect(keyProblem(ORIGINAL)).toBeNull();
  expect(keyProblem("a\\b")).toBeNull();
});
