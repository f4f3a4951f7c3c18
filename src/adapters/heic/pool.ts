import { UploadError } from "../../errors.js";
import { failureOf } from "./failure.js";
import type { Answer, Job } from "./job.js";
import { Thread } from "./thread.js";

export interface PoolOptions {
  /** How many decode at once. */
  readonly workers: number;
  /** How long one file may take, in milliseconds. */
  readonly timeoutMs: number;
}

/** How long a worker waits for the next file, in milliseconds: to start one takes a third of a second. */
const IDLE_MS = 1000;
/** What a decoder has taken waits for garbage to be collected: a worker in which it was more than this ends with its file. */
const LARGE_HEAP_BYTES = 256 * 1024 * 1024;

interface Waiting {
  readonly start: () => void;
  readonly fail: (reason: unknown) => void;
}

/** Workers that are started when there is something to decode, and end when there is nothing more. */
export class Pool {
  readonly #options: PoolOptions;
  readonly #waiting = new Set<Waiting>();
  readonly #busy = new Set<Thread>();
  readonly #idle = new Map<Thread, NodeJS.Timeout>();
  #running = 0;

  constructor(options: PoolOptions) {
    this.#options = options;
  }

  /**
   * Decodes one file, when a worker is free.
   *
   * @throws UploadError what is wrong with the file, or `STAGE_TIMEOUT`; the reason of the abort, when the worker has ended
   */
  async decode(job: Job, signal: AbortSignal): Promise<Answer & { readonly kind: "pixels" | "encoded" }> {
    await this.#turn(signal);
    try {
      const answer = await this.#run(job, signal);
      if (answer.kind === "pixels" || answer.kind === "encoded") return answer;
      throw failureOf(answer, job);
    } finally {
      this.#running--;
      const [next] = this.#waiting;
      next?.start();
    }
  }

  /** Ends all workers. What they are decoding, and what waits for them, rejects. */
  async close(): Promise<void> {
    const reason = new UploadError("The decoder of HEIC was closed", { code: "STORAGE_FAILED" });
    for (const { fail } of this.#waiting) fail(reason);
    await Promise.all([...this.#busy, ...this.#idle.keys()].map((thread) => this.#end(thread, reason)));
  }

  #turn(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      const leave = () => {
        this.#waiting.delete(waiting);
        signal.removeEventListener("abort", onAbort);
      };
      const waiting: Waiting = {
        start: () => {
          leave();
          this.#running++;
          resolve();
        },
        fail: (reason) => {
          leave();
          reject(reason);
        },
      };
      const onAbort = () => waiting.fail(signal.reason);
      if (this.#running < this.#options.workers) return waiting.start();
      this.#waiting.add(waiting);
      signal.addEventListener("abort", onAbort, { once: true });
    });
  }

  async #run(job: Job, signal: AbortSignal): Promise<Answer> {
    const thread = this.#take();
    const { timeoutMs } = this.#options;
    const timer = setTimeout(() => void this.#end(thread, tooSlow(timeoutMs)), timeoutMs);
    const onAbort = () => void this.#end(thread, signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    this.#busy.add(thread);
    let healthy = false;
    try {
      const answer = await thread.run(job);
      healthy = answer.kind !== "broken" && answer.kind !== "unloadable" && answer.heapBytes <= LARGE_HEAP_BYTES;
      return answer;
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", onAbort);
      this.#busy.delete(thread);
      if (healthy && !thread.hasEnded) this.#rest(thread);
      else await thread.end();
    }
  }

  #take(): Thread {
    const [idle] = this.#idle.keys();
    if (idle === undefined) return new Thread();
    clearTimeout(this.#idle.get(idle));
    this.#idle.delete(idle);
    return idle.hasEnded ? this.#take() : idle;
  }

  #rest(thread: Thread): void {
    this.#idle.set(thread, setTimeout(() => void this.#end(thread), IDLE_MS).unref());
  }

  async #end(thread: Thread, reason?: unknown): Promise<void> {
    clearTimeout(this.#idle.get(thread));
    this.#idle.delete(thread);
    await thread.end(reason);
  }
}

function tooSlow(timeoutMs: number): UploadError {
  const message = `Decoding HEIC took longer than ${timeoutMs} ms (heic({ timeoutMs }))`;
  return new UploadError(message, { code: "STAGE_TIMEOUT", fault: "upload", retryable: true });
}
