/** Names that stand for a device in every folder, whatever follows their first dot; the digits may be superscript. */
const DEVICE = /^(?:con|prn|aux|nul|conin\$|conout\$|com[\d¹²³]|lpt[\d¹²³])[ ]*(?:\.|$)/i;

/**
 * Why a name means something else than a file of that name on Windows; `undefined` when it does not. On other systems
 * these are ordinary names.
 */
export function meaningOnWindows(name: string): string | undefined {
  if (name.includes(":")) return "a colon in it leads to a drive or to a stream of another file";
  if (DEVICE.test(name)) return "it names a device";
  if (/[. ]$/.test(name)) return "a dot or a space at the end of a name is dropped, so it would name another file";
  // biome-ignore lint/suspicious/noControlCharactersInRegex: Windows does not allow them in names
  if (/[\u0000-\u001f<>"|?*]/.test(name)) return "it has a character that names cannot have on Windows";
  return undefined;
}
