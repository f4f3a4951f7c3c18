import type { Logger } from "../../contracts/logger.js";
import { ConfigurationError, keyProblem, unknownOption } from "../../errors.js";

/** What is asked of a client: `S3Client` and `S3` of `@aws-sdk/client-s3` have it. */
export interface S3ClientLike {
  readonly send: (command: never, options?: { abortSignal?: AbortSignal }) => Promise<unknown>;
}

export interface S3StorageOptions {
  /**
   * A client of yours, with region and credentials. Make it with `maxAttempts: 1`: the library tries again itself, and its
   * breaker does not see what the client retries.
   */
  readonly client: S3ClientLike;
  readonly bucket: string;
  /** A folder of the bucket that all keys are below, such as `"photos"`; a `/` at its end makes no difference. @default none */
  readonly prefix?: string | undefined;
  /** The `Cache-Control` of what is written, such as `"public, max-age=31536000, immutable"`. @default none */
  readonly cacheControl?: string | undefined;
  /**
   * Is told, once, of a client that retries by itself.
   *
   * @default the logger of the processor or call that opens an original first
   */
  readonly logger?: Logger | undefined;
}

const OPTIONS = ["client", "bucket", "prefix", "cacheControl", "logger"];

/** The options, checked; `prefix` is empty or ends with a slash. */
export function readOptions(options: S3StorageOptions): S3StorageOptions & { readonly prefix: string } {
  if (typeof options !== "object" || options === null) throw expected("options", "an object", options);
  for (const option of Object.keys(options))
    if (!OPTIONS.includes(option)) throw unknownOption("s3Storage", option, OPTIONS);
  const { client, bucket, prefix = "", cacheControl, logger } = options;
  if (typeof client?.send !== "function") throw expected("client", "an S3Client of @aws-sdk/client-s3", client);
  if (typeof bucket !== "string" || bucket === "") throw expected("bucket", "the name of a bucket", bucket);
  if (cacheControl !== undefined && (typeof cacheControl !== "string" || cacheControl === ""))
    throw expected("cacheControl", "a text that is not empty", cacheControl);
  if (logger !== undefined && typeof logger?.warn !== "function")
    throw expected("logger", "a logger with debug, info, warn and error", logger);
  if (typeof prefix !== "string") throw expected("prefix", "a folder of the bucket", prefix);
  const folder = prefix.endsWith("/") ? prefix.slice(0, -1) : prefix;
  const problem = prefix === "" ? null : keyProblem(folder);
  if (problem !== null) throw expected("prefix", `a folder of the bucket, but ${problem}`, prefix);
  return { client, bucket, prefix: folder === "" ? "" : `${folder}/`, cacheControl, logger };
}

function expected(name: string, what: string, given: unknown): ConfigurationError {
  const shown = typeof given === "string" ? JSON.stringify(given) : given === null ? "null" : typeof given;
  return new ConfigurationError(`s3Storage.${name}: expected ${what}; got ${shown}`);
}
