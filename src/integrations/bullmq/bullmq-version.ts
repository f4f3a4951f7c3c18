import { Worker } from "bullmq";
import { ConfigurationError } from "../../index.js";

/**
 * BullMQ does not tell its version; 6 is the first to have backends.
 *
 * @param client a queue or worker of the application, which may be of another BullMQ than the one that is imported here
 * @throws ConfigurationError it is older than 6
 */
export function requireBullMQ(client: object = Worker.prototype): void {
  if (typeof (client as { getBackend?: unknown } | null)?.getBackend === "function") return;
  throw new ConfigurationError(
    "upload-processor/bullmq: expected a queue or worker of BullMQ 6 or newer, got an older one or none: npm install bullmq@6",
  );
}
