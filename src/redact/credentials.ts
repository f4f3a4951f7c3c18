import type { Replacement } from "./replacement.js";

/** `{"authorization":"`, `Authorization: `, `authorization=`: a name in a header, JSON, or JSON in a JSON string. */
const named = (name: string) => String.raw`${name}\\?["']?[ \t]*[=:][ \t]*\\?["']?`;

/** Schemes of several words. */
const LONG_SCHEMES = String.raw`(?:digest|aws4?|aws4-hmac-sha256|oauth)[ \t]`;

/** What gives access, in the forms in which messages of errors tell of it. Each takes time in proportion to the message. */
export const CREDENTIALS: readonly Replacement[] = [
  [/-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z0-9 ]{0,40}-----|$)/g, "***"],
  // A password may have all those characters in it that end the host of a URL, so it ends at the last @. A path of http may
  // have one, too: there something has to stand before it that is no port.
  [/\b((?!https?:)[a-z][a-z0-9+.-]{0,30}:\/\/)(?:(?!:\/\/)[^\s"])*@/gi, "$1***@"],
  [/\b(https?:\/\/)(?:(?!:\/\/)[^\s"/?#])*@/gi, "$1***@"],
  [/\b(https?:\/\/)[^\s/@:"]{0,256}:(?!\d{1,5}(?:[/?#\s"]|$))(?:(?!:\/\/)[^\s"])*@/gi, "$1***@"],
  [/\b(hooks\.slack\.com\/\w+\/)[\w/-]+/gi, "$1***"],
  // A list of cookies ends at its bracket, a quoted one at its quote, a bare one with the line.
  [/(cookie["']?[ \t]*[=:][ \t]*\[)[^\]]*/gi, "$1***"],
  [new RegExp(`(${named("cookie")})(?=[\\w.!%*+~-]{1,64}=)[^\\n"'\\]}]*`, "gi"), "$1***"],
  [new RegExp(`(${named("authorization")})${LONG_SCHEMES}[^\\n]*`, "gi"), "$1***"],
  [new RegExp(`(${named("authorization")}(?:(?:bearer|basic|token)[ \\t]+)?)[^\\s"',;}\\]\\\\]+`, "gi"), "$1***"],
  // Not in "basic authentication required".
  [
    /\b((?:bearer|basic)[ \t]+)([\w.~+/-]{6,}=*)/gi,
    (found, scheme, value) =>
      /.[A-Z\d=]/.test(value ?? "") || (value ?? "").length > 20 ? `${scheme}***` : (found ?? ""),
  ],
  [/\b((?:api|access|secret) key(?: provided)?:?[ \t]+["']?)(?=[\w*-]{0,100}\d)[\w*-]{6,}/gi, "$1***"],
  // Keys that are known by how they begin, of OpenAI, Anthropic and others, Stripe, GitHub, GitLab, Slack, Hugging Face,
  // Groq, Replicate, npm, xAI, Perplexity, Google, SendGrid and AWS; and JSON Web Tokens.
  [/(?<![\w-])sk-[\w-]{12,}/g, "***"],
  [/(?<![\w-])(?:[spr]k_(?:live|test)|whsec|github_pat)_\w{8,}/g, "***"],
  [/(?<![\w-])(?:gh[opusr]|hf|gsk|r8|npm)_[A-Za-z0-9]{12,}/g, "***"],
  [/(?<![\w-])(?:gl[a-z]{2,4}|xapp)-[\w-]{12,}/g, "***"],
  [/(?<![\w-])xox[a-z](?:\.xox[a-z])?-[\w-]{6,}/g, "***"],
  [/(?<![\w-])(?:xai|pplx)-[A-Za-z0-9]{12,}/g, "***"],
  [/(?<![\w-])(?:AIza[\w-]{20,}|ya29\.[\w-]{10,}|SG\.[\w-]{10,}\.[\w-]{10,})/g, "***"],
  [/\b(?:AKIA|ASIA)[A-Z0-9]{12,}/g, "***"],
  [/(?<![\w-])eyJ[\w-]+\.[\w-]+(?:\.[\w-]*)*/g, "***"],
];
