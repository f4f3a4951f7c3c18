import type { Readable } from "node:stream";
import type { Logger } from "./logger.js";

/** An original that was opened: a path is the fastest; bytes and streams work too. */
export type OpenedOriginal = ({ path: string } | { bytes: Uint8Array } | { stream: Readable }) & {
  /** Runs once, when the upload is done with the media. */
  release?: (() => Promise<void>) | undefined;
};

/** Where originals are read from and thumbnails are written to. */
export interface StorageAdapter {
  /**
   * Opens an original; `null` when it is not there. The library hands in the logger that it was given, for what the people who
   * run it have to know.
   */
  readonly open: (
    key: string,
    options: { signal: AbortSignal; logger?: Logger | undefined },
  ) => Promise<OpenedOriginal | null>;
  /** Writes atomically: a reader sees the whole object or none. Overwrites. */
  readonly write: (
    key: string,
    data: Uint8Array,
    options: { contentType: string; signal: AbortSignal },
  ) => Promise<void>;
  /** Idempotent: deleting what is not there succeeds. */
  readonly delete: (key: string) => Promise<void>;
}
