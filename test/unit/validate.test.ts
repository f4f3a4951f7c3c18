import { describe, expect, test } from "vitest";
import { ConfigurationError, unknownOption } from "../../src/errors.js";
import { requireKnown, requireUpload } from "../../src/validate.js";

test.each<[unknown, string]>([
  [{ id: 0, storageKey: "a" }, "upload.id: expected a text that is not empty, got 0"],
  [{ storageKey: "a" }, "upload.id: expected a text that is not empty, got undefined"],
  [Promise.resolve("a"), "upload: expected an upload record or its id, got a Promise; an await is missing"],
  [[], "upload: expected an upload record or its id, got an array"],
  [7n, "upload: expected an upload record or its id, got 7n"],
  ["", 'upload: expected an upload record or its id, got ""'],
])("what is no upload: %s", (given, message) => {
  expect(() => requireUpload("upload", given)).toThrow(new ConfigurationError(message));
});

describe("options that nobody knows", () => {
  const known = ["signal", "timeouts", "concurrency"];

  test.each([
    ["timeout", 'options.timeout: unknown; did you mean "timeouts"? Known are signal, timeouts, concurrency'],
    ["Concurency", 'options.Concurency: unknown; did you mean "concurrency"? Known are signal, timeouts, concurrency'],
    ["schema", "options.schema: unknown; known are signal, timeouts, concurrency"],
  ])("%s", (given, message) => {
    expect(unknownOption("options", given, known)).toMatchObject({ message, code: "INVALID_CONFIGURATION" });
  });

  test("a name without end, and where there are no options", () => {
    expect(unknownOption("options", "x".repeat(1e6), known).message).toMatch(/^options\.x{60}…: unknown; known are/);
    expect(unknownOption("options", "x", []).message).toBe("options.x: unknown; there are none");
  });

  test("requireKnown: own keys that hold something", () => {
    const inherited: object = Object.create({ timeout: 1 });
    for (const value of [{}, { signal: 1, timeouts: 2 }, { timeout: undefined }, inherited])
      expect(() => requireKnown("options", value, known)).not.toThrow();
    for (const value of [{ timeout: 1 }, { timeout: null }, { toString: 1 }])
      expect(() => requireKnown("options", value, known)).toThrow(ConfigurationError);
  });
});
