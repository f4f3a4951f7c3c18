import { hideAssigned } from "./redact/assignments.js";
import { CREDENTIALS } from "./redact/credentials.js";
import { PATHS } from "./redact/paths.js";
import { type Replacement, replaceEach } from "./redact/replacement.js";

const MAX_LENGTH = 500;
/** So much of a message is looked at: what is left of that is cut. */
const READ_LENGTH = 8 * MAX_LENGTH;

const CONTROLS: readonly Replacement[] = [
  // Colours and links for a terminal; then what would forge lines of a log, or show the message in another order than it has.
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is being removed
  [/\u001b\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|(?:\u001b\[|\u009b)[0-?]*[ -/]*[@-~]?/g, ""],
  [/[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, ""],
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is being removed
  [/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]+/g, " "],
  [/[\r\u2028\u2029]+/g, "\n"],
  // Half a surrogate pair is not stored by every database.
  [/\p{Surrogate}/gu, "\ufffd"],
];

/** Makes an error's message fit to be stored and shown: one line, at most 500 characters, no absolute path, no credential. */
export function redact(message: string): string {
  const read = message.length > READ_LENGTH ? wholeWords(message.slice(0, READ_LENGTH)) : message;
  const open = hideAssigned(replaceEach(replaceEach(read, CONTROLS), CREDENTIALS));
  const safe = replaceEach(open, PATHS)
    .replace(/[\t\n]+/g, " ")
    .trim();
  return safe.length > MAX_LENGTH ? `${safe.slice(0, MAX_LENGTH - 1).replace(/[\ud800-\udbff]$/, "")}…` : safe;
}

/** Half a key would not be known for one. */
function wholeWords(text: string): string {
  const end = Math.max(text.lastIndexOf(" "), text.lastIndexOf("\n"));
  return end > 0 ? text.slice(0, end) : text;
}
