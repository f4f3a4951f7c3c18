import type { AuditedText } from "./audited-text.js";
import { type Finding, show } from "./finding.js";
import { phraseFinder } from "./phrase-table.js";
import { REASONING } from "./phrases/reasoning.js";

const find = /* @__PURE__ */ phraseFinder(REASONING);

/** The model thinks aloud: about who asks, what was asked, or how it should answer. */
export function checkReasoning(text: AuditedText): Finding[] {
  const phrase = find(text);
  return phrase === undefined ? [] : [{ kind: "reasoning", detail: show(phrase), severity: 0.65 }];
}
