/** What leads out of a root, or would be two keys for one file. */
export const KEYS_THAT_ESCAPE = [
  ...["", ".", "..", "../x", "a/../../x", "a/..", "./x", "a/./x", "a//x", "x/", "/x", "/etc/passwd", "//host/share/x"],
  ...["../", "/", "//", "a/b/../../../x", "x/../x", "file:///etc/passwd"],
  ...["C:\\x", "c:/x", "c:x", "\\", "\\\\host\\share\\x", "\\\\?\\C:\\x", "..\\x", "..\\/x", "a\\..\\..\\x", "a\\x"],
  ...["x\0", "\0", "a\0b", "../x\0.jpg"],
  // Halves of surrogate pairs: as bytes of a path they are all the same, so that two keys would be one file.
  ...["\ud800", "x\udfff.jpg", "\udc00\ud800/x"],
  ...["x".repeat(256), "x/".repeat(600).concat("x")],
];

/** What turns into dots and slashes when somebody decodes, folds or normalizes it; and names that mean something elsewhere. */
export const LOOKALIKES = [
  ...["%2e%2e%2fx", "..%2fx", "%2e%2e/x", "..%5cx", "%252e%252e%252fx", "..%c0%afx", "..\u00c0\u00afx"],
  ...["．．／x", "．．/x", "‥/x", "…/x", "..∕x", "..⁄x", "..／x", "..＼x", "․․/x"],
  ...[
    "...",
    "~",
    "~/x",
    "$HOME",
    "-rf",
    "a:b",
    "CON",
    "con.jpg",
    "nul",
    "COM1.txt",
    "x.",
    "x ",
    " x",
    "a\nb",
    "a\u202eb",
  ],
];
