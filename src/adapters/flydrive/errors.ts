const MISSING_CODE = /^(?:ENOENT|ENOTDIR|EISDIR|NoSuchKey|NotFound)$/;
/** A cause of a cause is as deep as flydrive goes. */
const DEEPEST = 4;

/**
 * Whether an error says that there is no such object, in the words of the drivers: a disk has none of its own. A folder is no
 * object; and a bucket that is missing is something else.
 */
export function isMissing(thrown: unknown): boolean {
  let error = thrown;
  for (let depth = 0; depth < DEEPEST && typeof error === "object" && error !== null; depth++) {
    const { code, name, message, cause } = error as Record<"code" | "name" | "message" | "cause", unknown>;
    if ([code, name].some((word) => typeof word === "string" && MISSING_CODE.test(word))) return true;
    // Google's; it has the same for a bucket, but for the text.
    if (code === 404 && !/bucket does not exist/i.test(String(message))) return true;
    error = cause;
  }
  return false;
}

/** Of an error and of what has caused it, the outermost first. */
export function codesOf(thrown: unknown): readonly string[] {
  const codes: string[] = [];
  let error = thrown;
  for (let depth = 0; depth < DEEPEST && typeof error === "object" && error !== null; depth++) {
    const { code, cause } = error as Record<"code" | "cause", unknown>;
    if (typeof code === "string") codes.push(code);
    error = cause;
  }
  return codes;
}
