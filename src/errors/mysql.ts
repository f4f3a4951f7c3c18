import { read } from "./inspect.js";

/**
 * Numbers of MySQL and MariaDB by which they refuse a value. Their SQLSTATE does not tell: that of a value that an ENUM does not have
 * is a warning's, many share HY000 ("no more is known"), and that of a trigger is whatever its author wrote.
 */
const REFUSED: ReadonlySet<number> = new Set([
  // Unique, not null, foreign key.
  1022, 1048, 1062, 1169, 1216, 1217, 1451, 1452, 1557, 1586, 1761, 1762, 1859,
  // No value where one is needed, out of range, too long, of another type or character set, no such value of an ENUM, division by zero.
  1263,
  1264, 1265, 1292, 1364, 1365, 1366, 1367, 1406, 1411, 1416, 1441, 1690,
  // More than a packet or a row may hold.
  1118, 1153, 1301,
  // A trigger that finds two rows where one may be; the check of a view; what a trigger raises.
  1242, 1369, 1642, 1643, 1644,
  // JSON that is none, has other characters, is too big or too deep; a check, in MySQL and in MariaDB.
  3140, 3141, 3144, 3146, 3150, 3157, 3819, 4025,
]);

/** Limits that pass, of connections and of statements. All but the first have the class of a mistake in SQL, 42. */
const PASSING: ReadonlySet<number> = new Set([1040, 1203, 1226, 1461]);

/**
 * Set up wrongly, under HY000: a host that is not let in, collations that do not go together, a view or a trigger whose tables are gone or
 * whose author is, a trigger that writes to the table that it belongs to.
 */
const DEPLOYMENT: ReadonlySet<number> = new Set([1130, 1267, 1270, 1271, 1356, 1442, 1449]);

export type Said = "refused" | "passing" | "deployment";

/** What the number of an error of MySQL's clients tells; `undefined` where that is left to its SQLSTATE. */
export function saidByMysql(error: unknown): Said | undefined {
  const errno = read(error, "errno");
  if (typeof errno !== "number" || !isOfMysql(error)) return undefined;
  if (REFUSED.has(errno)) return "refused";
  if (PASSING.has(errno)) return "passing";
  return DEPLOYMENT.has(errno) ? "deployment" : undefined;
}

/** Whether a server of MySQL's kind answered with it. The errors of Node have numbers as well. */
export function isOfMysql(error: unknown): boolean {
  if (typeof read(error, "errno") !== "number") return false;
  const code = read(error, "code");
  return typeof read(error, "sqlState") === "string" || (typeof code === "string" && /^(?:ER|WARN)_/.test(code));
}
