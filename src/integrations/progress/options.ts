import type { BatchRepositoryAdapter, Logger, UploadRecord } from "../../index.js";
import { expected, milliseconds, requireMethods, requireOptions } from "../check.js";
import type { Channel } from "./channel.js";
import type { Subject } from "./subject.js";

export interface ProgressHandlerOptions<U extends UploadRecord = UploadRecord> {
  /** Where the workers publish to, by `publishTo`. It is subscribed to once, however many streams there are. */
  readonly channel: Channel;
  /** Where snapshots are read from. */
  readonly repository: Pick<BatchRepositoryAdapter<U>, "findUpload" | "findBatch" | "countUploads">;
  /**
   * What the request may watch: this is where you ask who it is. `null` is answered with 404, a `Response` (401, 403) is sent as it is.
   * Who watches a batch gets the events of all its uploads.
   */
  readonly subject: (request: Request) => Subject | Response | null | Promise<Subject | Response | null>;
  /**
   * How often a stream shows that it is alive, and looks whether it has missed something, in milliseconds. At most 30000:
   * `watchProgress` gives a stream up that says nothing for 45 seconds. @default 15000
   */
  readonly heartbeatMs?: number | undefined;
  /** Is told of a channel or a repository that cannot be reached, once per outage, and of what `subject` throws. @default none */
  readonly logger?: Logger | undefined;
}

/** In good time before the client gives a stream up. */
const LONGEST_HEARTBEAT_MS = 30_000;

const OPTIONS = ["channel", "repository", "subject", "heartbeatMs", "logger"];

/** The options, complete. @throws ConfigurationError for what is not as it should be */
export function readOptions<U extends UploadRecord>(options: ProgressHandlerOptions<U>) {
  requireOptions("options", options, OPTIONS);
  const { channel, repository, subject, logger } = options;
  requireMethods("channel", channel, ["subscribe"]);
  requireMethods("repository", repository, ["findUpload", "findBatch", "countUploads"]);
  if (typeof subject !== "function") throw expected("subject", "a function", subject);
  if (logger !== undefined) requireMethods("logger", logger, ["warn", "error"]);
  return {
    channel,
    repository,
    subject,
    logger,
    heartbeatMs: milliseconds("heartbeatMs", options.heartbeatMs, 15_000, LONGEST_HEARTBEAT_MS),
  };
}

export type Settings = ReturnType<typeof readOptions>;
