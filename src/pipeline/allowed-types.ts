import { ConfigurationError } from "../errors.js";
import { expected } from "../validate.js";

/** As types are told by the content of a file: two names of RFC 6838, in lower case, without parameters. */
const MIME_TYPE = /^[a-z0-9][a-z0-9!#$&^_.+-]*\/[a-z0-9][a-z0-9!#$&^_.+-]*$/;

/** Names in use that no content is ever told by: with one of them in `allow`, every such file would be refused. */
const CALLED_RIGHTLY: ReadonlyMap<string, string> = new Map([
  ["image/jpg", "image/jpeg"],
  ["image/pjpeg", "image/jpeg"],
  ["image/tif", "image/tiff"],
  ["image/svg", "image/svg+xml"],
]);

/** @throws ConfigurationError unless it is undefined, or an array of at least one MIME type */
export function requireAllowed(allow: unknown): void {
  if (allow === undefined) return;
  if (!Array.isArray(allow)) throw expected("input.allow", 'an array of MIME types, such as ["image/jpeg"]', allow);
  if (allow.length === 0) throw new ConfigurationError("input.allow: expected at least one MIME type, got []");
  for (const [index, type] of allow.entries()) {
    const name = `input.allow[${index}]`;
    if (typeof type !== "string" || !MIME_TYPE.test(type))
      throw expected(name, 'a MIME type in lower case, such as "image/jpeg"', type);
    const right = CALLED_RIGHTLY.get(type);
    if (right !== undefined) throw expected(name, `the registered name "${right}"`, type);
  }
}
