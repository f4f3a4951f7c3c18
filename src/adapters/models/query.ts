import { ConfigurationError, UploadError } from "../../errors.js";

/** What somebody searches for. @throws ConfigurationError unless it is a text with something in it */
export function requireQuery(adapter: string, text: unknown): void {
  if (typeof text !== "string" || text.trim() === "")
    throw new ConfigurationError(`${adapter}: embedText: expected a text that is not empty`);
}

/** The vector of a query, which the library does not check for us. @throws UploadError `INVALID_EMBEDDING` */
export function readQueryVector(vector: ArrayLike<number> | undefined, dimensions?: number): number[] {
  const numbers = Array.from(vector ?? []);
  const fits = dimensions === undefined ? numbers.length > 0 : numbers.length === dimensions;
  if (fits && numbers.every((number) => Number.isFinite(number))) return numbers;
  const message = `embed: expected a vector of ${dimensions ?? "at least 1"} finite numbers, got ${numbers.length} numbers`;
  throw new UploadError(message, { code: "INVALID_EMBEDDING", stage: "embed" });
}
