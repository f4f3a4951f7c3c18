import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { S3Client } from "@aws-sdk/client-s3";
import { endOf, nextOutput, startChild } from "./child.js";

/** A client for a server on this machine. */
export function s3Client(port: number, options: { readonly maxAttempts?: number } = {}): S3Client {
  return new S3Client({
    endpoint: `http://127.0.0.1:${port}`,
    region: "us-east-1",
    credentials: { accessKeyId: "S3RVER", secretAccessKey: "S3RVER" },
    forcePathStyle: true,
    maxAttempts: options.maxAttempts ?? 1,
    // s3rver stores the framing of streams that are sent with a checksum behind them.
    requestChecksumCalculation: "WHEN_REQUIRED",
  });
}

/** An S3-compatible server in a process of its own, with the bucket "photos". */
export async function startS3Server(): Promise<{ readonly port: number; readonly stop: () => Promise<void> }> {
  const directory = await mkdtemp(join(tmpdir(), "s3-server-"));
  const child = startChild("test/support/s3-server-worker.ts", [directory]);
  child.stderr?.resume();
  const port = Number(await nextOutput(child));
  return {
    port,
    async stop() {
      const ended = endOf(child);
      child.stdin?.end();
      await ended;
      await rm(directory, { recursive: true });
    },
  };
}
