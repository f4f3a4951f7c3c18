import type { MediaDecoder } from "../contracts/decoder.js";
import { ConfigurationError } from "../errors.js";
import { aFunction, count, expected, optional, requireMembers } from "../validate.js";

/** Who decodes what, by MIME type. What is not in it is left to sharp. */
export type DecoderTable = ReadonlyMap<string, Decoder>;

/** A decoder with its name in messages. */
export interface Decoder {
  readonly decoder: MediaDecoder;
  /** As `decoders[0]`. */
  readonly name: string;
}

const MIME_TYPE = /^[a-z]+\/[a-z0-9][a-z0-9.+-]*$/;

/** @throws ConfigurationError what is no decoder, a decoder for no type, two decoders for one type */
export function decoderTable(decoders: readonly MediaDecoder[]): DecoderTable {
  if (!Array.isArray(decoders)) throw expected("decoders", "an array", decoders);
  const table = new Map<string, Decoder>();
  for (const [index, decoder] of decoders.entries()) {
    const name = `decoders[${index}]`;
    requireMembers(name, decoder, ["frames"]);
    optional(`${name}.probe`, decoder.probe, aFunction, "a function");
    optional(`${name}.close`, decoder.close, aFunction, "a function");
    count(`${name}.concurrency`, decoder.concurrency, 1);
    for (const type of mimeTypesOf(name, decoder)) {
      const other = table.get(type);
      if (other !== undefined && other.name !== name)
        throw new ConfigurationError(`${name}.mimeTypes: ${type} is decoded by ${other.name} already; leave out one`);
      table.set(type, { decoder, name });
    }
  }
  return table;
}

function mimeTypesOf(name: string, { mimeTypes }: MediaDecoder): readonly string[] {
  const what = 'an array of MIME types, such as ["video/mp4"]';
  if (!Array.isArray(mimeTypes)) throw expected(`${name}.mimeTypes`, what, mimeTypes);
  if (mimeTypes.length === 0) throw new ConfigurationError(`${name}.mimeTypes: expected ${what}, got an empty one`);
  for (const [index, type] of mimeTypes.entries()) {
    const isType = typeof type === "string" && MIME_TYPE.test(type);
    if (!isType) throw expected(`${name}.mimeTypes[${index}]`, 'a MIME type in lower case, such as "video/mp4"', type);
  }
  return mimeTypes;
}
