import type { UploadSelection } from "../../contracts/repository.js";
import { parameters, type Statement } from "./parameters.js";
import { SELECT_UPLOAD } from "./rows.js";
import type { Table } from "./schema.js";
import { conditionsOf } from "./selection.js";

const TABLE_ORDER = "(upload.sequence + 0)";

/** One page behind a place in the order of creation; `after` 0 is the beginning. */
export function listUploads(
  table: Table,
  selection: UploadSelection,
  { after, limit }: { after: number; limit: number },
): Statement {
  const { values, bind } = parameters();
  const conditions = conditionsOf(selection, bind);
  // By the column of the table: the one that is selected has the same name, and is text.
  const order = "batchId" in selection ? "upload.sequence" : TABLE_ORDER;
  conditions.push(`${order} > ${bind(after)}::bigint`);
  const text = `select ${SELECT_UPLOAD} from ${table.sql} as upload
where ${conditions.join(" and ")} order by ${order} limit ${limitOf(limit, bind)}`;
  return { text, values, often: true };
}

export function countUploads(table: Table, selection: UploadSelection): Statement {
  const { values, bind } = parameters();
  const conditions = conditionsOf(selection, bind);
  const where = conditions.length > 0 ? `where ${conditions.join(" and ")}` : "";
  const text = `select status, count(*)::text as count from ${table.sql} ${where} group by status`;
  return { text, values, often: true };
}

/** A figure that the planner sees: of a limit that it does not know it expects a tenth of the table, and sorts that. */
function limitOf(limit: number, bind: (value: unknown) => string): string {
  return Number.isSafeInteger(limit) && limit >= 0 ? String(limit) : `${bind(limit)}::bigint`;
}
