import { createReadStream } from "node:fs";
import { readFile, stat, writeFile } from "node:fs/promises";
import { Readable } from "node:stream";
import { types } from "node:util";
import type { OpenedOriginal } from "../contracts/storage.js";
import { ConfigurationError, UploadError } from "../errors.js";
import { type AdmissionLimits, type Admitted, admitContent, admitSize } from "./admission.js";
import type { ImageSource } from "./decode-image.js";
import { inspectHead } from "./inspect/inspect-image.js";
import type { Inspection } from "./inspect/inspection.js";
import { readHead } from "./read-head.js";
import { saveStream } from "./save-stream.js";
import { HEAD_BYTES } from "./sniff.js";
import { createTemporaryFile, type TemporaryFile } from "./temporary-file.js";

/**
 * An original that the storage has opened: a path and bytes are read where they are; a stream is saved to a temporary
 * file, because it can be read only once.
 *
 * Errors of the file system and of a stream are thrown as they are. `close` may come at any time.
 */
export class Original {
  readonly #opened: OpenedOriginal;
  /** Where it is read from. A stream has to be admitted first. */
  #content: string | Uint8Array | undefined;
  /** Of the file that was admitted. */
  #identity: Identity | undefined;
  /** Of the file that was admitted. */
  #inspection: Inspection | undefined;
  #temporary: Promise<TemporaryFile> | undefined;
  #streams: Set<Readable> | undefined;
  #closing: Promise<void> | undefined;

  /** @throws ConfigurationError unless it is what `storage.open` may answer */
  constructor(opened: OpenedOriginal) {
    if (typeof opened !== "object") throw unusable(opened);
    this.#opened = opened;
    if ("path" in opened && typeof opened.path === "string") this.#content = opened.path;
    else if ("bytes" in opened && types.isUint8Array(opened.bytes)) this.#content = opened.bytes;
    else if ("stream" in opened && typeof opened.stream?.pipe === "function") ignoreErrors(opened.stream);
    else throw unusable(opened);
  }

  /** Judges it by its size and its head. @throws UploadError when it is not let in */
  async admit(limits: AdmissionLimits, call: { readonly signal: AbortSignal }): Promise<Admitted> {
    const content = this.#content;
    if (content === undefined) return this.#saveStream(limits, call.signal);
    if (typeof content === "string") return this.#admitFile(content, limits);
    const size = content.byteLength;
    admitSize(size, limits);
    return { mimeType: await admitContent(content.subarray(0, HEAD_BYTES), limits), size };
  }

  /** Whether the file is still the one that was admitted, and was not written to since. */
  async isUnchanged(): Promise<boolean> {
    const identity = this.#identity;
    if (identity === undefined) return true;
    try {
      const now = await identityOf(this.content as string);
      return FACTS.every((fact) => now[fact] === identity[fact]);
    } catch {
      return false;
    }
  }

  /** The path of its file, or its bytes. */
  get content(): string | Uint8Array {
    if (this.#content === undefined) throw new Error("The stream has not been admitted");
    return this.#content;
  }

  /** As an image to decode. */
  image(mimeType: string): ImageSource {
    return { input: this.content, mimeType, inspection: this.#inspection };
  }

  async path(signal: AbortSignal): Promise<string> {
    const { content } = this;
    if (typeof content === "string") return content;
    this.#temporary ??= createTemporaryFile((path) => writeFile(path, content, { signal, mode: 0o600 }));
    try {
      return (await this.#temporary).path;
    } catch (error) {
      this.#temporary = undefined;
      throw error;
    }
  }

  async bytes(signal: AbortSignal): Promise<Uint8Array> {
    const { content } = this;
    return typeof content === "string" ? readFile(content, { signal }) : content;
  }

  stream(): Readable {
    const { content } = this;
    const stream =
      typeof content === "string"
        ? createReadStream(content)
        : Readable.from([Buffer.from(content.buffer, content.byteOffset, content.byteLength)], { objectMode: false });
    ignoreErrors(stream);
    this.#streams ??= new Set();
    this.#streams.add(stream);
    return stream.once("close", () => this.#streams?.delete(stream));
  }

  /** Whether there is anything to close. */
  get isHeld(): boolean {
    const { release } = this.#opened;
    return (
      release !== undefined ||
      "stream" in this.#opened ||
      this.#temporary !== undefined ||
      (this.#streams?.size ?? 0) > 0
    );
  }

  /**
   * Closes what was opened and removes what was made, once. When something fails, the rest is done before it rejects.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const opened = this.#opened;
    if ("stream" in opened) opened.stream.destroy();
    for (const stream of this.#streams ?? []) stream.destroy();
    const temporary = await this.#temporary?.catch(() => undefined);
    const results = await Promise.allSettled([temporary?.remove(), opened.release?.()]);
    for (const result of results) if (result.status === "rejected") throw result.reason;
  }

  async #admitFile(path: string, limits: AdmissionLimits): Promise<Admitted> {
    this.#identity = await identityOf(path);
    const { size } = this.#identity;
    admitSize(size, limits);
    const head = await readHead(path, FILE_HEAD_BYTES);
    const mimeType = await admitContent(head.subarray(0, HEAD_BYTES), limits);
    this.#inspection = await inspectHead(head, size, mimeType);
    return { mimeType, size };
  }

  async #saveStream(limits: AdmissionLimits, signal: AbortSignal): Promise<Admitted> {
    const { stream } = this.#opened as { stream: Readable };
    const temporary = createTemporaryFile((path) => saveStream(stream, path, limits, signal));
    this.#temporary = temporary;
    const { path, written } = await temporary;
    // Also a temporary file may vanish: some systems clear their temporary folder by age.
    this.#identity = await identityOf(path);
    const head = await readHead(path, FILE_HEAD_BYTES);
    this.#inspection = await inspectHead(head, this.#identity.size, written.mimeType);
    this.#content = path;
    return written;
  }
}

/**
 * Read before there is a wait for a decode slot, not while one is held: that kept a decoder idle for 1 to 3 ms of each upload. Most
 * headers end in it, also behind the EXIF of a camera.
 */
const FILE_HEAD_BYTES = 64 * 1024;

/**
 * A stream that fails while nobody listens ends the process: the storage's before it is read, and one that an adapter
 * has asked for and does not read yet. Whoever reads it still gets the error.
 */
function ignoreErrors(stream: Readable): void {
  stream.on("error", () => {});
}

/** Tells the keys of what it got, which show what was meant. */
function unusable(opened: unknown): ConfigurationError {
  const isBytes = types.isUint8Array(opened);
  const keys = typeof opened === "object" && opened !== null ? Object.keys(isBytes ? {} : opened).slice(0, 5) : [];
  const got = isBytes
    ? "bytes without an object around them"
    : keys.length > 0
      ? `{ ${keys.join(", ")} }`
      : typeof opened;
  return new ConfigurationError(
    `adapters.storage.open: expected null, { path }, { bytes } with a Uint8Array or { stream } with a Readable of Node, got ${got}`,
  );
}

/** At least one of them differs when a file was replaced or written to: nobody can set `ctimeMs` back. */
const FACTS = ["dev", "ino", "size", "ctimeMs"] as const;
type Identity = Readonly<Record<(typeof FACTS)[number], number>>;

async function identityOf(path: string): Promise<Identity> {
  const stats = await stat(path);
  if (stats.isFile()) return stats;
  throw new UploadError("The storage opened a path that is no file, but a directory or a device", {
    code: "STORAGE_FAILED",
    stage: "open",
    retryable: false,
  });
}
