import { Process, type ProcessOptions } from "./process.js";

/** The processes of one decoder that are running. */
export class Running {
  readonly #processes = new Set<Process>();

  start(command: string, args: readonly string[], options: ProcessOptions): Process {
    const process = new Process(command, args, options);
    this.#processes.add(process);
    void process.ended().then(() => this.#processes.delete(process));
    return process;
  }

  /** Ends them all, and waits until they have ended. */
  async close(): Promise<void> {
    await Promise.all([...this.#processes].map((process) => process.stop("close")));
  }
}
