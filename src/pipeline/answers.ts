import type { Description } from "../contracts/ai.js";
import { UploadError } from "../errors.js";

/** What `describe` answered, checked. @throws UploadError `EMPTY_DESCRIPTION`, `DESCRIBE_FAILED` */
export function readDescription(answer: string | Description): Description {
  const description = typeof answer === "string" ? { text: answer } : answer;
  if (typeof description?.text !== "string") {
    const message = `describe: expected a text or an object with a text, got ${typeof answer}`;
    throw new UploadError(message, { code: "DESCRIBE_FAILED", stage: "describe", retryable: false });
  }
  if (description.text.trim() === "")
    throw new UploadError("The model answered with an empty description", {
      code: "EMPTY_DESCRIPTION",
      stage: "describe",
    });
  return description;
}

/** What `embed` answered, as plain numbers. @throws UploadError `INVALID_EMBEDDING` */
export function readVector(vector: ArrayLike<number> | undefined, dimensions: number | undefined): number[] {
  const numbers = Array.from(vector ?? []);
  const length = dimensions ?? Math.max(1, numbers.length);
  if (numbers.length === length && numbers.every(Number.isFinite)) return numbers;
  const message = `embed: expected a vector of ${dimensions ?? "at least 1"} finite numbers, got ${numbers.length} numbers${
    numbers.length === length ? ", not all of them finite" : ""
  }`;
  throw new UploadError(message, { code: "INVALID_EMBEDDING", stage: "embed" });
}
