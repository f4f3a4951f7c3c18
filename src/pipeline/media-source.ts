import { type Cancellation, WithSignal } from "../async/cancellation.js";
import { withTimeout } from "../async/time.js";
import type { MediaFacts } from "../contracts/ai.js";
import type { StorageAdapter } from "../contracts/storage.js";
import { ConfigurationError, classifyError, UploadError } from "../errors.js";
import { type AdmissionLimits, kindOf } from "../media/admission.js";
import { memoizeAsync } from "../media/memoize-async.js";
import { Original } from "../media/original.js";
import { picturesIn } from "./media-facts.js";

export interface MediaSourceOptions {
  readonly storageKey: string;
  readonly storage: Pick<StorageAdapter, "open">;
  readonly limits: AdmissionLimits;
  /** Measured by an earlier start. */
  readonly known: MediaFacts | undefined;
  /** Told of what goes wrong while closing. */
  readonly warn: (message: string, error: unknown) => void;
}

/** How long closing waits for a decoder and for the storage, in milliseconds: neither can be interrupted. */
const CLOSE_GRACE_MS = 5000;

/**
 * The original of one upload in its storage: opened when it is first needed and once, opened again when its file was
 * replaced meanwhile, and closed with everything that was opened on the way.
 */
export class MediaSource {
  readonly #options: MediaSourceOptions;
  #facts: MediaFacts | undefined;
  #original: Original | undefined;
  /**
   * Originals whose file was replaced meanwhile. They are kept until the end, because an adapter may still read them.
   */
  #outdated: Original[] | undefined;
  /** Decoders at work: they read from an original, so it is not closed before they are done. */
  #readers: Set<Promise<unknown>> | undefined;
  #closed = false;
  #closing: Promise<void> | undefined;
  #open = this.#opening();

  constructor(options: MediaSourceOptions) {
    this.#options = options;
  }

  /** What was measured since this source was made; `undefined` before the original was opened. */
  get facts(): MediaFacts | undefined {
    return this.#facts;
  }

  addFacts(facts: MediaFacts): void {
    this.#facts = { ...this.#facts, ...facts };
  }

  /** @throws UploadError when it cannot be opened or is not let in; also when the source was closed */
  async open(cancellation: Cancellation): Promise<Original> {
    this.throwIfClosed();
    const original = await this.#open(cancellation);
    this.throwIfClosed();
    return original;
  }

  /**
   * As `open`; and when its file is not the one that was admitted, the storage opens it again and it is judged again.
   */
  async current(cancellation: Cancellation): Promise<Original> {
    const original = await this.open(cancellation);
    const unchanged = await original.isUnchanged();
    this.throwIfClosed();
    if (unchanged) return original;
    if (this.#original === original) {
      this.#outdated ??= [];
      this.#outdated.push(original);
      this.#original = undefined;
      this.#open = this.#opening();
    }
    return this.open(cancellation);
  }

  /** Starts work that reads from an original: closing waits for it. */
  async whileReading<T>(start: () => Promise<T>): Promise<T> {
    this.throwIfClosed();
    const work = start();
    this.#readers ??= new Set();
    this.#readers.add(work);
    try {
      return await work;
    } finally {
      this.#readers.delete(work);
    }
  }

  /** Never rejects: what goes wrong is told to `warn`. `undefined` when there is nothing to close. */
  close(): Promise<void> | undefined {
    if (this.#closed) return this.#closing;
    this.#closed = true;
    if (this.#readers?.size || this.#original?.isHeld || this.#outdated) this.#closing = this.#closeAll();
    return this.#closing;
  }

  throwIfClosed(): void {
    if (!this.#closed) return;
    const message = "The media was used after its upload had settled: an adapter has to await what it starts";
    throw new ConfigurationError(message);
  }

  #opening() {
    return memoizeAsync((cancellation: Cancellation) => this.#openOriginal(cancellation));
  }

  async #openOriginal(cancellation: Cancellation): Promise<Original> {
    const { storage, storageKey, limits, known } = this.#options;
    try {
      const opened = await storage.open(storageKey, new WithSignal(cancellation));
      if (opened === null) throw missingOriginal(storageKey);
      const original = new Original(opened);
      this.#original = original;
      this.throwIfClosed();
      const { mimeType, size } = await original.admit(limits, cancellation);
      // What was measured of another original says nothing of this one.
      const isKnown = known?.mimeType === mimeType && known.bytes === size;
      const made = picturesIn(this.#facts ?? {});
      this.#facts = { ...(isKnown && known), ...made, mimeType, kind: kindOf(mimeType), bytes: size };
      return original;
    } catch (error) {
      await this.#closeOriginal(this.#original);
      throw openError(error);
    }
  }

  async #closeAll(): Promise<void> {
    if (this.#readers?.size) await this.#bounded("A decoder", Promise.allSettled(this.#readers));
    for (const original of this.#outdated ?? []) await this.#closeOriginal(original);
    await this.#closeOriginal(this.#original);
  }

  async #closeOriginal(original: Original | undefined): Promise<void> {
    if (original?.isHeld) await this.#bounded("Closing the original", original.close());
  }

  /** What goes wrong while closing must neither hide the outcome of the upload nor delay it for long. */
  async #bounded(what: string, work: Promise<unknown>): Promise<void> {
    try {
      await withTimeout(work, CLOSE_GRACE_MS, () => new Error(`took longer than ${CLOSE_GRACE_MS} ms`));
    } catch (error) {
      // The message of an UploadError is redacted; that of what an adapter threw is not.
      this.#options.warn(`${what} failed: ${openError(error).message}`, error);
    }
  }
}

/** What went wrong while an original was opened or read: unless the error says otherwise, it is the storage's fault. */
export const openError = (thrown: unknown): UploadError => classifyError(thrown, "open", "STORAGE_FAILED");

function missingOriginal(key: string): UploadError {
  const message = `The storage has no original under ${JSON.stringify(key)}`;
  return new UploadError(message, { code: "MISSING_ORIGINAL", stage: "open" });
}
