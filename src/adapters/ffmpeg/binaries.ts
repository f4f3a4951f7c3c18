import { closedError, timeoutError } from "./failure.js";
import { requireVersion, startError } from "./install.js";
import type { Settings } from "./options.js";
import type { Running } from "./running.js";

/** More of what it says of itself is not read. */
const LONGEST_ANSWER = 200_000;

type Name = "ffmpegPath" | "ffprobePath";

/** What is known of the two programs: looked up when it is first needed, and kept when it is good. */
export class Binaries {
  readonly #settings: Settings;
  readonly #running: Running;
  readonly #known = new Map<string, Promise<string>>();

  constructor(settings: Settings, running: Running) {
    this.#settings = settings;
    this.#running = running;
  }

  /** @throws ConfigurationError when it is missing, too old, or another program */
  async require(option: Name, signal: AbortSignal): Promise<void> {
    await this.#once(option, async () => {
      const banner = await this.#ask(option, ["-version"], signal);
      requireVersion(option, this.#settings[option], banner);
      return banner;
    });
  }

  /** Whether ffmpeg has a decoder: those of other libraries may be left out of it. */
  async hasDecoder(name: string, signal: AbortSignal): Promise<boolean> {
    const decoders = await this.#once("decoders", () => this.#ask("ffmpegPath", ["-hide_banner", "-decoders"], signal));
    return decoders.includes(` ${name} `);
  }

  /** Several may wait for one answer, so who asked for it does not end it for the others. */
  async #once(key: string, look: () => Promise<string>): Promise<string> {
    const kept = this.#known.get(key);
    if (kept !== undefined) return kept.catch(() => this.#look(key, look));
    return this.#look(key, look);
  }

  #look(key: string, look: () => Promise<string>): Promise<string> {
    const looking = look();
    this.#known.set(key, looking);
    looking.catch(() => {
      if (this.#known.get(key) === looking) this.#known.delete(key);
    });
    return looking;
  }

  async #ask(option: Name, args: readonly string[], signal: AbortSignal): Promise<string> {
    const { timeoutMs } = this.#settings;
    const command = this.#settings[option];
    const process = this.#running.start(command, args, { signal, timeoutMs, onStderr: () => {} });
    let answer = "";
    try {
      for await (const chunk of process.output()) {
        answer += chunk.toString("latin1");
        if (answer.length > LONGEST_ANSWER) break;
      }
      if (answer.length > LONGEST_ANSWER) await process.stop();
      const end = await process.ended();
      if (end.by === "error") throw startError(option, command, end.error);
      if (end.by === "abort") throw signal.reason;
      if (end.by === "close") throw closedError();
      if (end.by === "timeout") throw timeoutError(timeoutMs);
      return answer;
    } finally {
      await process.stop();
    }
  }
}
