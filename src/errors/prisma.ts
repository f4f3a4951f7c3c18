import { read } from "./inspect.js";

/**
 * In an error that Prisma has no code for: the code and the message of the database, as Prisma's engine prints them. What follows there
 * may hold the whole row. Bounded, as whatever may be long here.
 */
const PRINTED =
  /(?:Postgres|Mysql|Db)Error \{ (?:severity: "\w+", parsed_severity: \w+\(\w+\), )?code: (?:"|SqlState\(E?)?(\w+)[")]?, message: "((?:[^"\\]|\\.){0,2000})/;
/** Of a raw query, or of a kind that Prisma knows no more of. */
const QUOTED = /(?:Raw query failed|Database error)\. Code: `(\w+)`\. Message: `([\s\S]{0,2000})/;

/**
 * What the database answered, out of an error of Prisma: it stands in `meta` or within the text of the message. Here it is as an error of
 * the database's own client.
 */
export function answerWithinPrisma(error: unknown): object | undefined {
  if (typeof read(error, "clientVersion") !== "string") return undefined;
  const meta = read(error, "meta");
  const adapted = read(read(meta, "driverAdapterError"), "cause");
  const message = read(error, "message");
  const text = typeof message === "string" ? message : "";
  const [, printed, reason] = PRINTED.exec(text) ?? [];
  const [, quoted, told] = QUOTED.exec(text) ?? [];
  return (
    asOfClient(read(adapted, "originalCode"), read(adapted, "originalMessage")) ??
    asOfClient(read(meta, "code"), read(meta, "message")) ??
    asOfClient(printed, reason?.replace(/\\(["\\])/g, "$1")) ??
    asOfClient(quoted, told?.replace(/`\s*$/, ""))
  );
}

/** An SQLSTATE has five characters, a number of MySQL has four. */
function asOfClient(code: unknown, told: unknown): object | undefined {
  if (typeof code !== "string" || typeof told !== "string") return undefined;
  const [message] = told.split("\nDETAIL:", 1);
  if (/^\w{5}$/.test(code)) return { code, message };
  return /^\d{4}$/.test(code) ? { errno: Number(code), sqlState: "", message } : undefined;
}
