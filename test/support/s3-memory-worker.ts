/** Reads an object through s3Storage, slowly; prints how many bytes came and the most memory that the process had, in bytes. */
import { setImmediate } from "node:timers/promises";
import { s3Storage } from "../../src/adapters/s3.js";
import { s3Client } from "./s3.js";

const client = s3Client(Number(process.argv[2]));
const opened = await s3Storage({ client, bucket: "photos" }).open("film.mp4", { signal: new AbortController().signal });
if (opened === null || !("stream" in opened)) throw new Error("expected a stream");
let bytes = 0;
for await (const chunk of opened.stream) {
  bytes += chunk.length;
  await setImmediate();
}
console.log(JSON.stringify({ bytes, memory: process.resourceUsage().maxRSS * 1024 }));
client.destroy();
