import type { StorageAdapter } from "../contracts/storage.js";
import { packageLoader } from "../load-package.js";
import { type S3Object, streamOf } from "./s3/body.js";
import { isMissing, s3Error } from "./s3/errors.js";
import { objectKey } from "./s3/keys.js";
import { readOptions, type S3ClientLike, type S3StorageOptions } from "./s3/options.js";
import { RetryWarning } from "./s3/warn.js";

export type { S3ClientLike, S3StorageOptions };

type Commands = Pick<
  typeof import("@aws-sdk/client-s3"),
  "GetObjectCommand" | "PutObjectCommand" | "DeleteObjectCommand"
>;

const loadSdk = packageLoader<Commands>({
  name: "@aws-sdk/client-s3",
  neededBy: "s3Storage",
  load: () => import("@aws-sdk/client-s3"),
  advice: "Install it: npm install @aws-sdk/client-s3",
});

/**
 * A storage in a bucket of S3, or of a service that speaks its protocol (MinIO, R2, Ceph and others), over a client of yours.
 *
 * - Originals are streamed, so they may be larger than memory. Writes have `Content-Type` and, if you like, `Cache-Control`.
 * - Keys that lead out of the prefix, that are longer than 1,024 bytes, and half surrogate pairs are refused with an
 *   `UploadError` (`STORAGE_FAILED`, not retryable).
 * - What becomes of each error of S3 stands in a table: `src/adapters/storages.md`.
 *
 * @throws ConfigurationError when an option is not what it should be, or does not exist
 * @example
 * const client = new S3Client({ region: "eu-central-1", maxAttempts: 1 });
 * const storage = s3Storage({ client, bucket: "photos", cacheControl: "public, max-age=31536000, immutable" });
 */
export function s3Storage(options: S3StorageOptions): StorageAdapter {
  const { client, bucket, prefix, cacheControl, logger: own } = readOptions(options);
  const warning = new RetryWarning(client);

  async function send(command: object, abortSignal?: AbortSignal): Promise<S3Object> {
    return (await client.send(command as never, abortSignal && { abortSignal })) as S3Object;
  }

  return {
    async open(key, { signal, logger }) {
      signal.throwIfAborted();
      const call = { action: "read", bucket, key: objectKey(prefix, key) } as const;
      await warning.tell(own ?? logger);
      try {
        const { GetObjectCommand } = await loadSdk();
        const object = await send(new GetObjectCommand({ Bucket: bucket, Key: call.key }), signal);
        return { stream: streamOf(object, call, signal) };
      } catch (error) {
        signal.throwIfAborted();
        if (isMissing(error)) return null;
        throw s3Error(error, call);
      }
    },

    async write(key, data, { contentType, signal }) {
      signal.throwIfAborted();
      const call = { action: "write", bucket, key: objectKey(prefix, key) } as const;
      await warning.tell(own);
      try {
        const { PutObjectCommand } = await loadSdk();
        const object = {
          Bucket: bucket,
          Key: call.key,
          Body: data,
          ContentType: contentType,
          CacheControl: cacheControl,
        };
        await send(new PutObjectCommand(object), signal);
      } catch (error) {
        signal.throwIfAborted();
        throw s3Error(error, call);
      }
    },

    async delete(key) {
      const call = { action: "delete", bucket, key: objectKey(prefix, key) } as const;
      try {
        const { DeleteObjectCommand } = await loadSdk();
        await send(new DeleteObjectCommand({ Bucket: bucket, Key: call.key }));
      } catch (error) {
        if (!isMissing(error)) throw s3Error(error, call);
      }
    },
  };
}
