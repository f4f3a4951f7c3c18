/** Names that stand for a device in every folder, whatever follows their first dot; the digits may be superscript. */
const DEVICE = /^(?:con|prn|aux|nul|conin\$|conout\$|com[\d¹²³]|lpt[\d¹²³])[ ]*(?:\.|$)/i;

/**
 * Why Windows would take a name for something else than a file of that name; `undefined` when it would not. Elsewhere these
 * are names like others, and files may be called so.
 */
export function meaningOnWindows(name: string): string | undefined {
  if (name.includes(":")) return "a colon in it leads to a drive or to a stream of another file";
  if (DEVICE.test(name)) return "it names a device";
  if (/[. ]$/.test(name)) return "a dot or a space at the end of a name is dropped, so it would name another file";
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are not allowed there
  if (/[\u0000-\u001f<>"|?*]/.test(name)) return "it has a character that names cannot have on Windows";
  return undefined;
}
