import { keyProblem, refusedKey, type UploadError } from "../../errors.js";
import { codesOf } from "./errors.js";

/** What flydrive's disks say of a key that they do not take. */
const REFUSED_CODE = /^E_(?:UNALLOWED_CHARACTERS|INVALID_KEY|PATH_TRAVERSAL_DETECTED)$/;

/**
 * Refuses a key that a disk would change, so that two keys would be one object: it makes one space of several, and drops
 * those at the ends, a dot at either end, and what makes a part of it empty. Which characters it takes is its own matter.
 *
 * @throws UploadError
 */
export function requireOwnKey(key: string): void {
  const problem = keyProblem(key) ?? changeOf(key);
  if (problem !== null) throw refusedKey("flydriveStorage", key, problem);
}

function changeOf(key: string): string | null {
  if (key.includes("\\")) return "it has a backslash in it, which flydrive makes a slash";
  if (/^\s|\s$|\s{2}|[^\S ]/.test(key)) return "flydrive drops and merges blanks: single spaces between words stay";
  if (key.startsWith(".") || key.endsWith(".")) return "flydrive drops a dot at the start or the end of a key";
  if (/\.{3,}\//.test(key)) return "a part of it ends with dots, which flydrive takes for a way up";
  return null;
}

/** The error for a key that the disk or its folder refused, with the rule; `undefined` for every other error. */
export function refusalOf(error: unknown, key: string): UploadError | undefined {
  const [rule] = codesOf(error).flatMap((code) =>
    REFUSED_CODE.test(code) ? [CHARACTERS] : (RULES_OF_FOLDERS[code] ?? []),
  );
  return rule === undefined ? undefined : refusedKey("flydriveStorage", key, rule);
}

const CHARACTERS =
  "flydrive takes letters from a to z, digits, spaces, / . - _ and !, unless KeyNormalizer.allowedCharacterSet says otherwise; make keys of ids, and keep file names in the record";

/** By what systems say of files, as `FSDriver` hands it on. */
const RULES_OF_FOLDERS: Readonly<Record<string, string>> = {
  ENAMETOOLONG: "it, or a name in it, is longer than the file system takes: most take 255 bytes for a name",
  EISDIR: "a folder is there",
  ENOTDIR: "what should be a folder in it is a file",
  EEXIST: "what should be a folder in it is a file",
};
