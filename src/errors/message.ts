import { STATUS_CODES } from "node:http";
import { textsOfBody } from "./answer.js";
import { errorChain, errorsOf, firstOf } from "./chain.js";
import { statusOf } from "./hints.js";
import { isA, read, sqlStateOf } from "./inspect.js";
import { isUploadError } from "./mark.js";
import { isOfMysql } from "./mysql.js";

/** More of a message is not looked at. */
const LONGEST_MESSAGE = 10_000;
/** A stored message has 500 characters: so many are left to what happened, and the rest is for why. */
const LONGEST_OUTER = 240;
const DEEPEST_CAUSE = 10;
/** An address has an IPv4 and an IPv6 to fail by; more than a few reasons help nobody. */
const MOST_REASONS = 4;

/**
 * The text of whatever was thrown: never empty, also for what is no `Error`. It says what happened and why, by the innermost
 * cause (`fetch failed: connect ECONNREFUSED 127.0.0.1:11434`); of a database's error what the database said, without the
 * query and its parameters. An UploadError's message is its own.
 */
export function messageOf(thrown: unknown): string {
  if (typeof thrown === "function") return "a function was thrown";
  if (typeof thrown !== "object" || thrown === null) return textOf(String(thrown)) ?? "an empty text was thrown";
  if (!isUploadError(thrown)) {
    const refused = firstOf(errorChain(thrown), (error) => (isOfDatabase(error) ? ownText(error) : undefined));
    if (refused !== undefined) return refused;
    const told = joined(ownText(thrown), reasonsOf(thrown));
    if (told !== undefined) return told;
  }
  const name = isA(thrown, Error) ? (textOf(read(thrown, "code")) ?? textOf(read(thrown, "name"))) : undefined;
  return ownText(thrown) ?? name ?? "an object without a message was thrown";
}

function isOfDatabase(error: unknown): boolean {
  return sqlStateOf(error) !== undefined || isOfMysql(error);
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value.trim() !== "" ? value.slice(0, LONGEST_MESSAGE) : undefined;
}

/** Its own message, without what it says of a query. */
function ownText(error: unknown): string | undefined {
  const message = read(error, "message");
  if (typeof message !== "string" || isUploadError(error)) return textOf(message);
  if (tellsOnlyStatus(error, message)) return textsOfBody(error)[0] ?? textOf(message);
  // The AWS SDK's message for an answer without a body.
  if (message === "UnknownError") return textOf(read(error, "name")) ?? message;
  // What the server said, to which MySQL's clients and Knex add the statement.
  return textOf(read(error, "sqlMessage")) ?? textOf(withoutQuery(message));
}

/** As of an answer that the client cannot read: `Bad Request`, and over HTTP/2 nothing at all. */
function tellsOnlyStatus(error: unknown, message: string): boolean {
  const status = statusOf(error);
  return status !== undefined && (message.trim() === "" || message === STATUS_CODES[status]);
}

/** Of the whole message, and cut afterwards: a reason may stand behind a parameter of any length. Each step takes linear time. */
function withoutQuery(message: string): string {
  // Prisma puts the reason behind a piece of the caller's source, as the last paragraph.
  if (/^\s*Invalid `[^`]*` invocation/.test(message))
    return upTo(/\n\s?DETAIL:/, message.slice(Math.max(0, message.trimEnd().lastIndexOf("\n\n"))).trim());
  // Knex puts the statement before the reason, with its parameters filled in.
  if (/^[\s(]*(?:select|insert|update|delete|with|merge|replace|call)\s/i.test(message)) {
    const reason = message.lastIndexOf(" - ");
    if (reason !== -1) return message.slice(reason + 3);
  }
  // Drizzle puts them behind the query; others on a line of their own, the client of MariaDB with the query.
  const drizzle = message.includes("Failed query:");
  return upTo(drizzle ? /\sparams:/ : /\n[^\S\n]*(?:params|parameters|bindings|sql):/i, message);
}

function upTo(mark: RegExp, message: string): string {
  const start = message.search(mark);
  return start === -1 ? message : message.slice(0, start);
}

/** Why: the innermost cause, or each of several. */
function reasonsOf(thrown: unknown): readonly string[] {
  const seen: unknown[] = [thrown];
  let reasons: readonly string[] = [];
  let error = thrown;
  for (let depth = 0; depth < DEEPEST_CAUSE; depth++) {
    const several = errorsOf(error).map((one) => (typeof one === "string" ? textOf(one) : ownText(one)));
    const told = several.filter((text) => text !== undefined);
    if (told.length > 0) return [...new Set(told)].slice(0, MOST_REASONS);
    const cause = read(error, "cause");
    if (seen.includes(cause)) break;
    seen.push(cause);
    const text = typeof cause === "string" ? textOf(cause) : ownText(cause);
    if (text !== undefined) reasons = [text];
    if (typeof cause !== "object" || cause === null || isUploadError(cause)) break;
    error = cause;
  }
  return reasons;
}

function joined(what: string | undefined, reasons: readonly string[]): string | undefined {
  const why = reasons.filter((reason) => what === undefined || !what.includes(reason)).join("; ");
  if (what === undefined || why.includes(what) || (why !== "" && /^\s*Failed query:/.test(what)))
    return textOf(why.slice(0, LONGEST_MESSAGE));
  if (why === "") return what;
  return `${shortened(what.trimEnd().replace(/[.:]+$/, ""))}: ${why}`.slice(0, LONGEST_MESSAGE);
}

/** Cut between words: half a credential would not be known for one. */
function shortened(text: string): string {
  if (text.length <= LONGEST_OUTER) return text;
  const head = text.slice(0, LONGEST_OUTER);
  return `${head.slice(0, Math.max(0, head.lastIndexOf(" ")))}…`;
}
