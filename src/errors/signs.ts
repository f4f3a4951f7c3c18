import { bodiesOf, textsOf, wordsOf } from "./answer.js";
import { errorChain, firstOf } from "./chain.js";
import { hasCode, isA, read, sqlStateOf, textAt } from "./inspect.js";
import { saidByMysql } from "./mysql.js";

/** Connections that failed, names that could not be looked up, and answers that are no HTTP, by the codes of Node's parser. */
const CONNECTION_CODE =
  /^(?:ECONN(?:RESET|REFUSED|ABORTED)|ETIMEDOUT|ESOCKETTIMEDOUT|EPIPE|EPROTO|ENOTFOUND|EAI_\w+|ENETRESET|E(?:HOST|NET)(?:UNREACH|DOWN)|EADDRNOTAVAIL|ENOBUFS|ENOTCONN|HPE_\w+|UND_ERR_\w+|ERR_STREAM_PREMATURE_CLOSE|ERR_(?:HTTP2|SSL|TLS)_\w+)$/;
/** By the names that OpenSSL has for what is wrong with a certificate. */
const CERTIFICATE_CODE =
  /^(?:CERT_\w+|CRL_\w+|ERROR_IN_C(?:ERT|RL)_\w+|(?:DEPTH_ZERO_)?SELF_SIGNED_CERT\w*|UNABLE_TO_(?:GET|DECRYPT|DECODE|VERIFY)_\w+|INVALID_CA|INVALID_PURPOSE|PATH_LENGTH_EXCEEDED|HOSTNAME_MISMATCH|OUT_OF_MEM)$/;
/** A machine that has run out of disk, memory or files, and a disk or a mount that is gone. */
const MACHINE_CODE = /^(?:ENOSPC|EDQUOT|E[MN]FILE|ENOMEM|EAGAIN|EBUSY|EIO|ESTALE)$/;
const SERVICE_CODES = [CONNECTION_CODE, CERTIFICATE_CODE, MACHINE_CODE];
/** How fetch, the AI SDK, the OpenAI client and pg word a connection that failed, where they give no code. */
const SERVICE_MESSAGE =
  /^(?:fetch failed|failed to fetch|terminated$|network ?error|load failed|socket hang up|connection (?:error|terminated|closed|ended)|request timed out|cannot connect to api\b|timeout exceeded when trying to connect)/i;
/** Errors of AWS that pass, whatever their status: clocks and credentials are set again, and load goes down. */
const PASSING_NAME = /^(?:RequestTimeout|RequestTimeTooSkewed|ExpiredToken|SlowDown|Throttling(?:Exception)?)$/;
/** What model services say inside a stream, where there is no status. */
const SERVICE_WORD =
  /^(?:rate_limit_(?:exceeded|error)|overloaded_error|server_error|internal_server_error|api_error|timeout_error|service_unavailable)$/i;
/** Connection lost, rolled back (deadlock), out of resources, locked, shut down, and errors of the system. */
const SERVICE_SQLSTATE = /^(?:08|40|53|55P03|57|58)/;
/** Prisma's: cannot be reached, timed out, closed, no connection free in time. */
const SERVICE_PRISMA = /^P(?:1001|1002|1008|1017|2024)$/;

/** What it takes to be let in to a database, and tables and columns that are not there. */
const DEPLOYMENT_SQLSTATE = /^(?:42|3D000|3F000|28)/;
const DEPLOYMENT_PRISMA = /^P(?:1000|1003|1010|2021|2022)$/;
/**
 * Pools and clients that the program itself has ended: nothing brings them back. In the words of pg, PGlite, mysql2, better-sqlite3,
 * `node:sqlite`, the client of Redis, Kysely and Knex, and by the codes of postgres.js and the client of MariaDB. A connection that
 * broke is told in other words.
 */
const ENDED_MESSAGE =
  /^(?:Cannot use a pool after calling end|Client was closed and is not queryable|PGlite is clos|Pool is closed|The database connection is not open$|database is not open$|The client is closed$|driver has already been destroyed$|Unable to acquire a connection$)/;
const ENDED_CODE = /^(?:CONNECTION_ENDED|ER_POOL_ALREADY_CLOSED)$/;
const MODULE_CODE = /^(?:ERR_MODULE_NOT_FOUND|MODULE_NOT_FOUND|ERR_DLOPEN_FAILED)$/;

/**
 * Two rows where a trigger may find one (21000); out of range, too long, no such type of value (22); unique, foreign key, check, not
 * null (23); the check of a view (44); past a limit, as a key that is too long for its index (54); what a trigger raises, in
 * MySQL (45), in PostgreSQL (P0), and under codes of the user's own, for which SQL keeps the classes from I to Z: XX is an error within PostgreSQL.
 */
const REFUSED_SQLSTATE = /^(?:21000|2[23]|4[45]|54|P0|[I-OQ-WYZ])/;
/** SQLite's: a constraint, also by a trigger; too big; of another type. The last byte of its numbers. */
const REFUSED_SQLITE = /^SQLITE_(?:CONSTRAINT|TOOBIG|MISMATCH)/;
const REFUSED_BY_SQLITE: readonly number[] = [19, 18, 20];
/** SQLite has one code for every statement that it cannot make sense of. */
const MISSING_IN_SQLITE = /no such (?:table|column)|has no column named/;
const REFUSED_PRISMA = /^P20(?:0[02-7]|1[1-4]|19|20)$/;

/** Keys that are refused, and quotas that are used up, in the words of the services. */
const ACCOUNT_WORD =
  /^(?:insufficient_quota|quota_exceeded|billing_\w+|invalid_api_key|api_key_\w+|consumer_suspended|authentication_error|permission_error|arrearage)$/i;
/**
 * The same in sentences, of those who answer 400 without such a word: Google, xAI, Anthropic, Groq, DashScope. No limit of a minute
 * is among them, nor anything that is said of a picture.
 */
const ACCOUNT_MESSAGE =
  /\bapi key (?:not valid|not found|expired)\b|\b(?:incorrect|invalid) api key\b|\bcredit balance is too low\b|\breached your specified api usage limits\b|\bused all available credits\b|\b(?:account|organization|project|team|workspace) (?:has been|is|was) (?:temporarily |permanently )?(?:suspended|disabled|deactivated|restricted|banned|blocked)\b|\baccount is in good standing\b/i;

/** A model that is not there, where the status is not 404. */
const MODEL_WORD = /^(?:model_not_found|model_decommissioned|invalid_model)$/i;
/** The same in sentences: of OpenRouter, DeepSeek, LiteLLM and Bedrock. */
const MODEL_MESSAGE =
  /\bis not a valid model id\b|\bmodel not exist\b|\binvalid model name passed in\b|\bprovided model identifier is invalid\b/i;

/** What the filters of services say that look at what they are sent, by which they refuse this content and no other. */
const FILTER_WORD =
  /^(?:content_filter|content_policy_violation|ResponsibleAIPolicyViolation|moderation_blocked|data_inspection_failed)$/i;
/** The same in sentences: xAI has for its refusals the words of a key that lacks a permission. */
const FILTER_MESSAGE = /\bviolates (?:our |the )?usage guidelines\b|\bSAFETY_CHECK_TYPE|\bcontent (?:filter|policy)\b/i;

/** A connection, a time-out or a machine: not the fault of what was asked for. */
export function isServiceError(error: unknown): boolean {
  const code = textAt(error, "code");
  const name = textAt(error, "name");
  if (name === "TimeoutError" || SERVICE_CODES.some((codes) => codes.test(code))) return true;
  if (SERVICE_PRISMA.test(codeOfPrisma(error))) return true;
  const said = saidByMysql(error);
  if (said !== undefined) return said === "passing";
  if (SERVICE_SQLSTATE.test(sqlStateOf(error) ?? "") || isPassing(error)) return true;
  return SERVICE_MESSAGE.test(textAt(error, "message")) || wordsOf(error).some((word) => SERVICE_WORD.test(word));
}

/** An error of AWS that passes, whatever its status says. */
export function isPassing(error: unknown): boolean {
  return ["name", "code", "Code"].some((key) => PASSING_NAME.test(textAt(error, key)));
}

/** A page of HTML with status 200 comes from a proxy in front of the service. */
export function isPageOfProxy(error: unknown): boolean {
  return /^\s*</.test(textAt(error, "responseBody"));
}

/**
 * A module, a bucket, a table or a column that is not there, a database that does not let us in, or a connection to it that the
 * program has ended, as where an `await` was forgotten before.
 */
export function isDeploymentError(error: unknown): boolean {
  if (ENDED_CODE.test(textAt(error, "code")) || ENDED_MESSAGE.test(textAt(error, "message"))) return true;
  if (MODULE_CODE.test(textAt(error, "code")) || DEPLOYMENT_PRISMA.test(codeOfPrisma(error))) return true;
  const said = saidByMysql(error);
  if (said !== undefined) return said === "deployment";
  if (DEPLOYMENT_SQLSTATE.test(sqlStateOf(error) ?? "")) return true;
  if (isOfSqlite(error) && MISSING_IN_SQLITE.test(textAt(error, "message"))) return true;
  return ["name", "code", "Code"].some((key) => textAt(error, key) === "NoSuchBucket");
}

/** A quota that is used up or a key that is refused, by what the service says: its status may be that of a mere rate limit. */
export function isAccountError(error: unknown): boolean {
  return wordsOf(error).some((word) => ACCOUNT_WORD.test(word));
}

/** The same by its sentences, of an answer with a status from 400 to 499. */
export function saysAccountIsRefused(error: unknown): boolean {
  return textsOf(error).some((text) => ACCOUNT_MESSAGE.test(text));
}

/** A model that is not there, by an answer with a status from 400 to 499. */
export function saysModelIsMissing(error: unknown): boolean {
  return (
    wordsOf(error).some((word) => MODEL_WORD.test(word)) || textsOf(error).some((text) => MODEL_MESSAGE.test(text))
  );
}

/** A provider's filter that refuses what it was sent, whatever the status: OpenRouter tells its reasons in a 403. */
export function isContentRefusal(error: unknown): boolean {
  if (wordsOf(error).some((word) => FILTER_WORD.test(word))) return true;
  return bodiesOf(error).some((body) => Array.isArray(read(read(read(body, "error"), "metadata"), "reasons")));
}

/** The same by its sentences, of an answer with a status from 400 to 499. An account may be suspended for what it has sent. */
export function saysContentIsRefused(error: unknown): boolean {
  return textsOf(error).some((text) => FILTER_MESSAGE.test(text) && !ACCOUNT_MESSAGE.test(text));
}

/** Whether the store refused the value itself: told by its number in MySQL, else by its SQLSTATE, also of the cause of an ORM's error. */
export function isRefusedValue(thrown: unknown): boolean {
  const verdict = firstOf(errorChain(thrown), (error) => {
    if (hasCode(error, "RESULT_REFUSED")) return true;
    const said = saidByMysql(error);
    if (said !== undefined) return said === "refused";
    const state = sqlStateOf(error);
    if (state !== undefined) return REFUSED_SQLSTATE.test(state);
    return REFUSED_PRISMA.test(codeOfPrisma(error)) || isRefusedBySqlite(error) ? true : undefined;
  });
  return verdict ?? false;
}

/** By its name in better-sqlite3 and libSQL, by its number in `node:sqlite`. */
function isRefusedBySqlite(error: unknown): boolean {
  if (REFUSED_SQLITE.test(textAt(error, "code"))) return true;
  return isOfSqlite(error) && REFUSED_BY_SQLITE.includes(Number(read(error, "errcode")) & 0xff);
}

function isOfSqlite(error: unknown): boolean {
  return /^(?:ERR_)?SQLITE_ERROR$/.test(textAt(error, "code"));
}

/** Prisma's codes look like those of no other, and its errors carry its version. */
function codeOfPrisma(error: unknown): string {
  return textAt(error, "clientVersion") === "" ? "" : textAt(error, "code") || textAt(error, "errorCode");
}

/** A mistake in a program: making the call again makes it again. Asked by name as well: in Jest errors are of another realm. */
export function isMistake(thrown: unknown, kind: "TypeError" | "RangeError" | "SyntaxError"): boolean {
  const type = { TypeError, RangeError, SyntaxError }[kind];
  return isA(thrown, type) || textAt(thrown, "name") === kind;
}
