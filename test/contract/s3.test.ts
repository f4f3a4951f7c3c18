import { GetObjectCommand, type S3Client } from "@aws-sdk/client-s3";
import { afterAll, beforeAll, describe, expect, it, test } from "vitest";
import { s3Storage } from "../../src/adapters/s3.js";
import { testStorageContract } from "../../src/testing/storage-contract.js";
import { s3Client, startS3Server } from "../support/s3.js";

const { signal } = new AbortController();

let server: Awaited<ReturnType<typeof startS3Server>>;
let client: S3Client;
beforeAll(async () => {
  server = await startS3Server();
  client = s3Client(server.port);
});
afterAll(async () => {
  client.destroy();
  await server.stop();
});

describe("s3Storage over a server of its own process", () => {
  testStorageContract({ test, create: () => ({ storage: s3Storage({ client, bucket: "photos" }) }) });
});

describe("s3Storage with a prefix", () => {
  testStorageContract({
    test,
    create: () => ({ storage: s3Storage({ client, bucket: "photos", prefix: "tenant/7" }) }),
  });

  it.each(["tenant/8", "tenant/8/"])("keeps its objects below %j", async (prefix) => {
    const storage = s3Storage({ client, bucket: "photos", prefix });
    await storage.write("a/b.jpg", Buffer.from(prefix), { contentType: "image/jpeg", signal });
    const object = await client.send(new GetObjectCommand({ Bucket: "photos", Key: "tenant/8/a/b.jpg" }));
    expect(await object.Body?.transformToString()).toBe(prefix);
    await storage.delete("a/b.jpg");
  });
});

it("stores the content type and the caching of what it writes", async () => {
  const cacheControl = "public, max-age=31536000, immutable";
  const storage = s3Storage({ client, bucket: "photos", cacheControl });
  await storage.write("thumbnails/1.webp", Buffer.from("x"), { contentType: "image/webp", signal });
  const object = await client.send(new GetObjectCommand({ Bucket: "photos", Key: "thumbnails/1.webp" }));
  object.Body?.transformToString();
  expect(object).toMatchObject({ ContentType: "image/webp", CacheControl: cacheControl });
});
