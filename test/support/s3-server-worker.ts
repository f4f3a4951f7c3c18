/**
 * An S3-compatible server over the folder that it is given, with one bucket, "photos". Prints its port, and runs until the
 * standard input ends.
 *
 * S3 shows readers the old object or the new one. s3rver writes in place, and answers before all is on the disk: so here a
 * body is taken in as a whole before it is stored, and what is done to objects is done one after the other.
 */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import S3rver, { type StoredObject } from "s3rver";

const [directory = ""] = process.argv.slice(2);
const server = new S3rver({
  port: 0,
  address: "127.0.0.1",
  silent: true,
  directory,
  vhostBuckets: false,
  configureBuckets: [{ name: "photos" }],
});

const { store } = server;
const bytesOf = async ({ content }: StoredObject) =>
  content instanceof Readable ? buffer(content) : Buffer.from(content ?? []);

let last: Promise<unknown> = Promise.resolve();
function inLine<T>(work: () => Promise<T>): Promise<T> {
  const mine = last.then(work);
  last = mine.catch(() => {});
  return mine;
}

store.putObject = async (object) => {
  const bytes = await bytesOf(object); // of a request that is cut off, this never comes
  return inLine(async () => {
    const { bucket, key, metadata } = object;
    const path = store.getResourcePath(bucket, key, "object");
    const md5 = createHash("md5").update(bytes).digest("hex");
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, bytes);
    await store.putMetadata(bucket, key, metadata, md5);
    return { size: bytes.length, md5 };
  });
};

const getObject = store.getObject.bind(store);
store.getObject = (bucket, key, options) =>
  inLine(async () => {
    const object = await getObject(bucket, key, options);
    if (object !== null) object.content = Readable.from([await bytesOf(object)], { objectMode: false });
    return object;
  });

const deleteObject = store.deleteObject.bind(store);
store.deleteObject = (bucket, key) => inLine(() => deleteObject(bucket, key));

const { port } = await server.run();
console.log(port);
await once(process.stdin.resume(), "end");
process.exit();
