import { Worker } from "node:worker_threads";
import { UploadError } from "../../errors.js";
import type { Answer, Job } from "./job.js";
import { locateLibheif } from "./locate.js";
import { workerSource } from "./worker-source.js";

let source: string | undefined;

/** Of JavaScript; the pictures are not in it. */
const MAX_HEAP_MB = 128;

/** One worker. It keeps the process alive while it decodes, and at no other time. */
export class Thread {
  readonly #worker: Worker;
  #settle: ((answer: Answer | Error) => void) | undefined;
  #ended: Promise<unknown> | undefined;

  /** @throws ConfigurationError libheif-js is not installed */
  constructor() {
    source ??= workerSource();
    this.#worker = new Worker(source, {
      eval: true,
      name: "upload-processor-heic",
      workerData: { libheif: locateLibheif() },
      resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MB },
    });
    this.#worker.unref();
    this.#worker.on("message", (answer: Answer) => this.#settle?.(answer));
    this.#worker.on("error", (error) => this.#settle?.(crashed(error)));
    this.#worker.on("exit", () => {
      this.#ended ??= Promise.resolve();
      this.#settle?.(crashed(new Error("it ended")));
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
        if (answer instanceof Error) reject(answer);
        else resolve(answer);
      };
      this.#worker.postMessage(job);
    });
  }

  /** Ends it, also in the middle of decoding, and resolves when it has ended. What it was doing rejects with `reason`. */
  async end(reason?: Error): Promise<void> {
    this.#ended ??= this.#worker.terminate();
    await this.#ended;
    if (reason !== undefined) this.#settle?.(reason);
  }
}

/** A file that takes its worker down would take the next one down, too. What the system lacks is told by its own code. */
function crashed(cause: Error): Error {
  const { code } = cause as NodeJS.ErrnoException;
  if (code === "ERR_WORKER_INIT_FAILED") return cause;
  return new UploadError(`The decoder of HEIC failed: ${cause.message}`, { code: "INVALID_MEDIA", cause });
}
