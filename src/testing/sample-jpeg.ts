/** A gradient: from left to right more red, from top to bottom more green. */
const JPEG = [
  "/9j/2wBDABQODxIPDRQSEBIXFRQYHjIhHhwcHj0sLiQySUBMS0dARkVQWnNiUFVtVkVGZIhlbXd7gYKBTmCNl4x9lnN+gXz/2wBDARUXFx4aHjsh",
  "ITt8U0ZTfHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHz/wAARCAAwAEADASIAAhEBAxEB/8QAFwABAQEB",
  "AAAAAAAAAAAAAAAAAwIFBv/EABYQAAMAAAAAAAAAAAAAAAAAAAACA//EABkBAQEAAwEAAAAAAAAAAAAAAAMEAQIGBf/EABcRAQEBAQAAAAAAAAAA",
  "AAAAAAIAAQP/2gAMAwEAAhEDEQA/AOZWYizGWYizPY1whwrMtZjrMtZh66wOFZiLMZZiLMLXWhwrMRZjLMRZh66wOzlmIsxlmIszbXcaOkKzLWYy",
  "zEWYeusHSFZiLMZZiLMPXWDpCsxFmMsxFmHrrB0s5ZiLMZZiLMzruNHSBZiLMZZiLMPXWDpCsxFmMsxFmHrrR0hWYizGWYizD11g6X//2Q==",
].join("");

/** A small photo that every decoder takes: a JPEG of 415 bytes, 64 × 48 px. */
export function sampleJpeg(): Uint8Array {
  return new Uint8Array(Buffer.from(JPEG, "base64"));
}
