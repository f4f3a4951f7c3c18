import type { Description, StageContext, VisionImage } from "../../contracts/ai.js";

/** One question to the model. */
export interface AskRequest {
  /** In the order in which the prompt speaks of them; none for a question in words alone. */
  readonly images: readonly VisionImage[];
  readonly prompt: string;
  readonly signal: AbortSignal;
  /** How often this attempt has asked, 1-based. The prompt is another one already where it is more than 1. */
  readonly ask: number;
  /** Of the call that this question is part of. */
  readonly context: StageContext;
  /** Told of the answer while it is written, where it is streamed: its length, reasoning included, and its text. */
  readonly onText: (charactersSoFar: number, textSoFar: string) => void;
}

/** Asks the model once. @throws what the client throws, with `usage` where a failed call was paid */
export type Ask = (request: AskRequest) => Promise<Description>;

/** What the questions about one media have in common. */
export interface Asking {
  /** What is asked of the media as a whole. */
  readonly instruction: string;
  readonly context: StageContext;
  readonly reportText: boolean;
  readonly ask: Ask;
}

/** A time as a prompt tells it. */
export function seconds(time: number): string {
  return String(Math.round(time * 10) / 10);
}
