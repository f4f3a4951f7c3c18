import { Worker } from "node:worker_threads";
import { ConfigurationError, hasCode, UploadError } from "../../errors.js";
import type { Answer, Job } from "./job.js";
import { locateLibheif } from "./locate.js";
import { workerSource } from "./worker-source.js";

let source: string | undefined;

/** Of JavaScript; the pictures are not in it. */
const MAX_HEAP_MB = 128;

/** One worker. It keeps the process alive while it decodes, and at no other time. */
export class Thread {
  readonly #worker: Worker;
  #settle: ((answer: Answer | { readonly failure: unknown }) => void) | undefined;
  #ended: Promise<unknown> | undefined;
  /** Why it was ended. */
  #reason: unknown;
  #isReady = false;

  /** @throws ConfigurationError libheif-js is not installed */
  constructor() {
    source ??= workerSource();
    const workerData = { libheif: locateLibheif() };
    try {
      this.#worker = new Worker(source, {
        eval: true,
        name: "upload-processor-heic",
        workerData,
        resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MB },
      });
    } catch (error) {
      throw crashed(error as Error, false);
    }
    this.#worker.unref();
    this.#worker.on("message", (answer: Answer | "ready") => {
      if (answer === "ready") this.#isReady = true;
      else this.#settle?.(answer);
    });
    this.#worker.on("error", (error) => this.#fail(crashed(error, this.#isReady)));
    this.#worker.on("exit", () => {
      this.#ended ??= Promise.resolve();
      this.#fail(this.#reason ?? crashed(new Error("it ended"), this.#isReady));
    });
  }

  get hasEnded(): boolean {
    return this.#ended !== undefined;
  }

  /** Decodes one file; the next one has to wait for its end. */
  run(job: Job): Promise<Answer> {
    this.#worker.ref();
    return new Promise<Answer>((resolve, reject) => {
      this.#settle = (answer) => {
        this.#settle = undefined;
        this.#worker.unref();
        if ("failure" in answer) reject(answer.failure);
        else resolve(answer);
      };
      this.#worker.postMessage(job);
    });
  }

  /** Ends it, also in the middle of decoding, and resolves when it has ended. What it was doing rejects with `reason` then. */
  async end(reason?: unknown): Promise<void> {
    this.#reason ??= reason;
    this.#ended ??= this.#worker.terminate();
    await this.#ended;
  }

  #fail(failure: unknown): void {
    this.#settle?.({ failure });
  }
}

/** How Node tells that the system had no thread, no memory or no files for it. */
const LACKING = ["ERR_WORKER_INIT_FAILED", "ERR_WORKER_OUT_OF_MEMORY"];

/** A file that takes its worker down would take the next one down, too. Before it was ready, the worker had not read any. */
function crashed(cause: Error, wasReady: boolean): Error {
  if (wasReady)
    return new UploadError(`The decoder of HEIC failed: ${cause.message}`, { code: "INVALID_MEDIA", cause });
  if (LACKING.some((code) => hasCode(cause, code)))
    return new UploadError(`heic(): its worker could not be started: ${cause.message}`, {
      code: "STORAGE_FAILED",
      cause,
    });
  const message = `heic(): its worker cannot start here: ${cause.message}. Leave upload-processor out of bundles`;
  return new ConfigurationError(message, { cause });
}
