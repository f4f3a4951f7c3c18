import type { Logger } from "../../contracts/logger.js";
import type { S3ClientLike } from "./options.js";

/** Tells the first logger that there is, once, that the client retries by itself. */
export class RetryWarning {
  readonly #client: S3ClientLike;
  #isTold = false;

  constructor(client: S3ClientLike) {
    this.#client = client;
  }

  async tell(logger: Logger | undefined): Promise<void> {
    if (this.#isTold || logger === undefined) return;
    this.#isTold = true;
    try {
      const attempts = await attemptsOf(this.#client);
      if (attempts === undefined || attempts === 1) return;
      await logger.warn(
        { maxAttempts: attempts },
        `s3Storage: the client makes up to ${attempts} requests of each call by itself, on top of the library's attempts, and keeps the breaker from seeing an outage: new S3Client({ maxAttempts: 1 })`,
      );
    } catch {
      // A logger that throws, or a client that cannot tell, is no reason not to work.
    }
  }
}

/** `undefined` for a client that does not tell: another one than the SDK's. */
async function attemptsOf(client: S3ClientLike): Promise<number | undefined> {
  const { config } = client as { config?: { maxAttempts?: unknown } };
  const given = config?.maxAttempts;
  const attempts: unknown = typeof given === "function" ? await given.call(config) : given;
  return typeof attempts === "number" ? attempts : undefined;
}
