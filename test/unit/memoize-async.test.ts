import { expect, it, vi } from "vitest";
import { UploadError } from "../../src/index.js";
import { memoizeAsync } from "../../src/media/memoize-async.js";

const permanent = new UploadError("damaged", { code: "INVALID_MEDIA" });
const passing = new UploadError("unreachable", { code: "STORAGE_FAILED" });

it("makes something once, for those who come at once and those who come later", async () => {
  const make = vi.fn(async (value: object) => value);
  const get = memoizeAsync(make);
  const value = {};
  expect(await Promise.all([get(value), get({})])).toEqual([value, value]);
  expect(await get({})).toBe(value);
  expect(make).toHaveBeenCalledTimes(1);
});

it("keeps a failure that is there to stay", async () => {
  const make = vi.fn(async () => Promise.reject(permanent));
  const get = memoizeAsync(make);
  for (let call = 0; call < 3; call++) await expect(get()).rejects.toBe(permanent);
  expect(make).toHaveBeenCalledTimes(1);
});

it.each([
  ["a retryable one", passing],
  ["one that is no error of the library, such as the reason of an abort", new Error("stopped")],
  ["one that is no error at all", undefined],
])("forgets a failure that may pass: %s", async (_, failure) => {
  const make = vi.fn(async () => "made");
  make.mockRejectedValueOnce(failure);
  const get = memoizeAsync(make);
  await Promise.all([expect(get()).rejects.toBe(failure), expect(get()).rejects.toBe(failure)]);
  expect(make).toHaveBeenCalledTimes(1);
  expect(await get()).toBe("made");
  expect(await get()).toBe("made");
  expect(make).toHaveBeenCalledTimes(2);
});
