/** NULs and halves of surrogate pairs: many databases refuse them, and no text needs them. */
export function cleanText(text: string): string {
  return text.replaceAll("\0", "").replace(/\p{Surrogate}/gu, "\ufffd");
}
