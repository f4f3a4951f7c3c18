import type { Audit } from "../../../src/index.js";
import type { Labelled } from "./labelled-set.js";

/** How often an audit is right about a part of the set. */
export interface Figures {
  readonly good: number;
  readonly bad: number;
  /** Bad ones that were found, of all that were called bad. */
  readonly precision: number;
  /** Bad ones that were found, of all bad ones. */
  readonly recall: number;
  readonly wrong: readonly Judged[];
}

export interface Judged extends Labelled {
  readonly isFlagged: boolean;
  readonly issues: readonly string[];
}

export function judge(audit: Audit, set: readonly Labelled[]): readonly Judged[] {
  return set.map((one) => {
    const verdict = audit.check(one.text, { upload: UPLOAD, kind: "image", prompt: one.prompt });
    return { ...one, isFlagged: !verdict.ok, issues: verdict.issues };
  });
}

const UPLOAD = { id: "1", storageKey: "1.jpg", status: "pending" } as const;

export function figuresOf(judged: readonly Judged[]): Figures {
  const bad = judged.filter(({ kind }) => kind !== "good");
  const found = bad.filter(({ isFlagged }) => isFlagged).length;
  const flagged = judged.filter(({ isFlagged }) => isFlagged).length;
  return {
    good: judged.length - bad.length,
    bad: bad.length,
    precision: flagged === 0 ? 1 : found / flagged,
    recall: bad.length === 0 ? 1 : found / bad.length,
    wrong: judged.filter(({ kind, isFlagged }) => isFlagged !== (kind !== "good")),
  };
}
