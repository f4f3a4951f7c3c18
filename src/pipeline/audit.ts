import { unheld } from "../async/at-once.js";
import { cleanText } from "../clean-text.js";
import type { Audit, AuditVerdict } from "../contracts/ai.js";
import type { UploadRecord } from "../contracts/upload.js";
import { messageOf, UploadError } from "../errors.js";
import type { UploadRun } from "./run.js";

/** What is stored of the issues: an audit must not fill the database. */
const MOST_ISSUES = 20;
const LONGEST_ISSUE = 500;

/**
 * What an audit thinks of a description; `undefined` when it cannot tell. That is a warning and nothing more: the description
 * has been paid for.
 */
export function auditDescription<U extends UploadRecord>(
  run: UploadRun<U>,
  audit: Audit<U>,
  text: string,
  kind: "image" | "video",
  prompt: string | undefined,
): AuditVerdict | undefined {
  try {
    return readVerdict(unheld(audit.check(text, { upload: run.record(), kind, prompt })));
  } catch (thrown) {
    const message = `The audit failed, the description is kept: ${messageOf(thrown)}`;
    run.warn(new UploadError(message, { code: "LISTENER_FAILED", stage: "describe", cause: thrown }));
    return undefined;
  }
}

/** @throws Error for what is no verdict */
function readVerdict(answer: unknown): AuditVerdict {
  const { ok, score, issues } = Object(answer) as Partial<AuditVerdict>;
  if (typeof ok !== "boolean" || typeof score !== "number" || Number.isNaN(score) || !Array.isArray(issues))
    throw new Error("expected { ok: boolean, score: number, issues: string[] } from check, at once");
  return {
    ok,
    score: Math.min(1, Math.max(0, score)),
    issues: issues.slice(0, MOST_ISSUES).map((issue) => cleanText(String(issue).slice(0, LONGEST_ISSUE))),
  };
}
