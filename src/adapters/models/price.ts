import type { Price } from "../../contracts/ai.js";

/** Prices as services publish them: for one million tokens, in the currency of your budget. */
export interface TokenPrices {
  /** Of the description's model, for a million tokens of input; a picture is counted as the tokens that the service makes of it. */
  readonly input: number;
  /** Of the description's model, for a million tokens of output, its reasoning included. */
  readonly output: number;
  /** Of the embedding model, for a million tokens. @default the price of embeddings is not known */
  readonly embed?: number | undefined;
}

const MILLION = 1_000_000;

/** A price that knows what a call costs: `null` where the service does not tell the tokens that the price is for. */
export function priceOf(price: Price | TokenPrices | undefined): Price | undefined {
  if (price === undefined || typeof price === "function") return price;
  const { input, output, embed } = price;
  return ({ inputTokens, outputTokens, totalTokens }, stage) => {
    if (stage === "embed") {
      const tokens = inputTokens ?? totalTokens;
      return embed === undefined || tokens === undefined ? null : (tokens * embed) / MILLION;
    }
    if (inputTokens === undefined || outputTokens === undefined) return null;
    return (inputTokens * input + outputTokens * output) / MILLION;
  };
}
