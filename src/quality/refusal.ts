import type { AuditedText } from "./audited-text.js";
import { type Finding, show } from "./finding.js";
import { phraseFinder } from "./phrase-table.js";
import { REFUSALS } from "./phrases/refusals.js";

const find = /* @__PURE__ */ phraseFinder(REFUSALS);

/** The model declines, or says that it sees nothing. */
export function checkRefusal(text: AuditedText): Finding[] {
  const phrase = find(text);
  return phrase === undefined ? [] : [{ kind: "refusal", detail: show(phrase), severity: 0.85 }];
}
