import type { MediaFacts } from "../contracts/ai.js";
import type { UploadRecord } from "../contracts/upload.js";
import type { Claim } from "./claim.js";
import { mediaOf, picturesIn, wantedFacts } from "./media-facts.js";
import { picturesOf } from "./pictures-wanted.js";
import type { Settings } from "./settings.js";

/**
 * What an earlier start has found out; nothing where the record has something else in that place. A redo that keeps nothing of
 * the row measures anew. Of the pictures those that count as made.
 */
export function knownFacts<U extends UploadRecord>(
  claim: Claim<U>,
  settings: Pick<Settings<U>, "facts">,
): MediaFacts | undefined {
  const { row, draft } = claim;
  const ofDraft = draft === null ? undefined : mediaOf(draft);
  const facts = draft === null || draft.keeps !== undefined ? (ofDraft ?? mediaOf(row)) : ofDraft;
  if (typeof facts?.mimeType !== "string") return undefined;
  const { renditions, placeholder, ...measured } = wantedFacts(facts, settings.facts);
  return Object.assign(measured, picturesIn(mediaOf(picturesOf(claim)) ?? {}));
}
