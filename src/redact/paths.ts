import type { Replacement } from "./replacement.js";

/** Where a path begins in a sentence. */
const BEFORE = String.raw`(^|[\s"'\`“‘(=:,;[{<>|])`;

/**
 * Absolute paths of POSIX and of Windows, and `file:` URLs. Their last name is kept, because it is what a person looks for.
 * A path with spaces in it is seen to its end where it is quoted, or separated by backslashes.
 */
export const PATHS: readonly Replacement[] = [
  // An apostrophe does not end it. So many characters, that a message full of quotes takes no longer than another.
  [
    /(["'`])((?:file:\/\/|[a-z]:[\\/]|\\\\|\/)(?:(?!\1(?!\w))[^\n]){0,500})\1/gi,
    (quoted = "", quote = "", path = "") => (/[\\/].*[\\/]./.test(path) ? `${quote}…/${nameOf(path)}${quote}` : quoted),
  ],
  [/\bfile:\/\/\/?(?:[^\s/"'`]+\/)*([^\s/"'`]*)/gi, "…/$1"],
  [
    new RegExp(
      String.raw`${BEFORE}(?:\\{2,4}[?.]\\{1,2})?(?:[A-Z]:|UNC|\\{2,4}[^\s\\/"'\`]+)[\\/]+(?:[^\\/"'\`:*?<>|\n]*[^\s\\/"'\`:*?<>|]\\+|[^\s\\/"'\`:*?<>|]+\/+)*([^\s\\/"'\`:,)>\]]*)`,
      "gi",
    ),
    "$1…/$2",
  ],
  // Not the route of "GET /v1/models returned 404".
  [
    new RegExp(
      String.raw`(?<!\b(?:GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS)(?= ))${BEFORE}\/(?:[^\s/"'\`:,)<>\]]+\/)+([^\s/"'\`:,)>\]<]*)`,
      "g",
    ),
    "$1…/$2",
  ],
  [/(^|[\s"'`(=,[])\/\/(?:[^\s/"'`:,)>\]]+\/)+([^\s/"'`:,)>\]<]*)/g, "$1…/$2"],
];

function nameOf(path: string): string {
  return path.slice(Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\")) + 1);
}
