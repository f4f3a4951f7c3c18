const MAX_LENGTH = 500;

const REDACTIONS: readonly (readonly [pattern: RegExp, replacement: string])[] = [
  // Credentials in URLs, headers, query strings and well-known key formats.
  [/\b([a-z][a-z0-9+.-]*:\/\/)[^\s/@]+@/gi, "$1***@"],
  [/\b(bearer|basic)\s+[\w.~+/=-]{6,}/gi, "$1 ***"],
  [
    /\b([\w-]*(?:api[_-]?key|access[_-]?key|token|secret|passw(?:or)?d|authorization|credential|signature)[\w-]*["']?\s*[=:]\s*["']?)(?!(?:bearer|basic) )[^\s"'&,;)}\]]+/gi,
    "$1***",
  ],
  [/\b(?:sk|pk|rk|ghp|gho|xox[abp]|hf)[-_][\w-]{12,}/g, "***"],
  [/\b(?:AKIA|ASIA)[A-Z0-9]{12,}/g, "***"],
  [/\beyJ[\w-]+\.[\w-]+\.[\w-]*/g, "***"],
  // Absolute paths: the last segment is kept, because it is what a person looks for.
  [/\bfile:\/\/\/?(?:[^\s/"'`]+\/)*([^\s/"'`]*)/gi, "…/$1"],
  [/(^|[\s"'`(=:,[<])\/(?:[^\s/"'`:,)>\]]+\/)+([^\s/"'`:,)>\]]*)/g, "$1…/$2"],
  [/(^|[\s"'`(=,[<])(?:[A-Za-z]:|\\\\[^\s\\/"'`]+)[\\/](?:[^\\/"'`:*?<>|\n]+[\\/])*([^\s\\/"'`:,)>\]]*)/g, "$1…/$2"],
];

/** Makes an error's message fit to be stored and shown: one line, at most 500 characters, no absolute path, no credential. */
export function redact(message: string): string {
  // Control characters would let a message forge lines of a log; the cap bounds the work that the patterns do.
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is being removed
  let safe = message.slice(0, 8 * MAX_LENGTH).replace(/[\u0000-\u001f\u007f\u2028\u2029]+/g, " ");
  for (const [pattern, replacement] of REDACTIONS) safe = safe.replace(pattern, replacement);
  safe = safe.trim();
  return safe.length > MAX_LENGTH ? `${safe.slice(0, MAX_LENGTH - 1)}…` : safe;
}
