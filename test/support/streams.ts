import { Readable } from "node:stream";

/** A stream in small chunks, as a network delivers it. */
export function streamOf(content: Buffer, chunkBytes = 1000): Readable {
  return Readable.from(
    (function* () {
      for (let at = 0; at < content.length; at += chunkBytes) yield content.subarray(at, at + chunkBytes);
    })(),
    { objectMode: false },
  );
}

/** A stream that begins like this, and then delivers nothing more and does not end. */
export function stalledStream(head: Buffer): Readable {
  const stream = new Readable({ read() {} });
  stream.push(head);
  return stream;
}
