import type { StageName } from "../contracts/upload.js";

/** What a stage is taken to last before one of its kind has ended, in milliseconds. */
const FIRST_GUESS_MS: Readonly<Record<string, number>> = { thumbnail: 300, describe: 10_000, embed: 1000 };

/** How long the stages took lately, in milliseconds: a moving average that forgets half in about two calls. */
export class StageDurations {
  readonly #lately = new Map<StageName, number>();

  add(stage: StageName, ms: number): void {
    const before = this.#lately.get(stage);
    this.#lately.set(stage, before === undefined ? ms : before + (ms - before) * 0.3);
  }

  expected(stage: StageName): number {
    return Math.max(1, this.#lately.get(stage) ?? FIRST_GUESS_MS[stage] ?? 1000);
  }
}
