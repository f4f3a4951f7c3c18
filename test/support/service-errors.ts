/** Errors as the clients of services and databases throw them, by what they are. Written by hand where the client is not installed. */
import pg from "pg";
import type { UploadError } from "../../src/index.js";

const error = (message: string, fields: object = {}, name = "Error") =>
  Object.assign(new Error(message), fields, name === "Error" ? {} : { name });

/** `APICallError` of the AI SDK: it works `isRetryable` out of the status, but for connections that fail. */
export function apiCallError(
  statusCode: number | undefined,
  message: string,
  fields: { data?: object; responseBody?: string; responseHeaders?: Record<string, string>; cause?: unknown } = {},
): Error {
  const isRetryable =
    statusCode === undefined || statusCode === 408 || statusCode === 409 || statusCode === 429 || statusCode >= 500;
  const url = "https://api.test/v1/chat/completions";
  return error(message, { url, requestBodyValues: {}, statusCode, isRetryable, ...fields }, "AI_APICallError");
}

/** `RetryError` of the AI SDK, after its own retries. */
export function retryError(...errors: readonly Error[]): Error {
  const lastError = errors.at(-1);
  const message = `Failed after ${errors.length} attempts. Last error: ${lastError?.message}`;
  return error(message, { reason: "maxRetriesExceeded", errors, lastError }, "AI_RetryError");
}

/** `APIError` of the OpenAI client. */
export function openAIError(status: number, body: { message: string; code: string | null; type: string }): Error {
  const fields = {
    status,
    headers: new Headers({ "x-request-id": "r1" }),
    error: body,
    code: body.code,
    type: body.type,
  };
  return error(`${status} ${body.message}`, fields);
}

/** `ResponseError` of the Ollama client. */
export function ollamaError(status_code: number, message: string): Error {
  return error(message, { status_code, error: message }, "ResponseError");
}

/** A `ServiceException` of the AWS SDK. */
export function awsError(
  name: string,
  httpStatusCode: number,
  message: string,
  headers: Record<string, string> = {},
): Error {
  const fields = {
    Code: name,
    $fault: httpStatusCode < 500 ? "client" : "server",
    $metadata: { httpStatusCode, attempts: 1, requestId: "R1" },
    $response: { statusCode: httpStatusCode, headers },
  };
  return error(message, fields, name);
}

/** What PostgreSQL answered, as pg throws it. */
export function pgError(code: string, message: string): Error {
  return Object.assign(new pg.DatabaseError(message, message.length, "error"), { code, severity: "ERROR" });
}

/** As mysql2 throws it. */
export function mysqlError(errno: number, code: string, sqlState: string, sqlMessage: string): Error {
  return error(sqlMessage, { code, errno, sqlState, sqlMessage, sql: "update uploads set description = 'private'" });
}

/** As the client of MariaDB throws it: it puts the statement and its parameters behind the message. */
export function mariadbError(errno: number, code: string, sqlState: string, sqlMessage: string): Error {
  const sql = "update uploads set description = ? where id = ? - parameters:['a private - description','u1']";
  const message = `(conn:928, no: ${errno}, SQLState: ${sqlState}) ${sqlMessage}\nsql: ${sql}`;
  return error(message, { sqlMessage, sql, fatal: false, errno, sqlState, code }, "SqlError");
}

/** As `node:sqlite` throws it: its number has the kind in its last byte. */
export function sqliteError(errcode: number, message: string): Error {
  return Object.assign(new Error(message), { code: "ERR_SQLITE_ERROR", errcode });
}

/** `DrizzleQueryError`. */
export function drizzleError(cause: Error): Error {
  const query = `update "uploads" set "description" = $1, "status" = $2 where ("id" = $3 and "fence" = $4) returning "id"`;
  const params = ["a private description", "completed", "u1", 3];
  const failed = new Error(`Failed query: ${query}\nparams: ${params}`, { cause });
  return Object.assign(failed, { query, params });
}

/** `PrismaClientKnownRequestError`. */
export function prismaError(code: string, reason: string): Error {
  const message = `
Invalid \`prisma.upload.update()\` invocation in
/srv/app/repository.ts:31:25

  28 async updateUpload(id, changes) {
→ 31   await prisma.upload.update(

${reason}`;
  return error(message, { code, clientVersion: "6.1.0", meta: {} }, "PrismaClientKnownRequestError");
}

/** Of a raw query, in Prisma up to 6: the database's code and message are in `meta`, for PostgreSQL with the row. */
export function prismaRawError(code: string, reason: string): Error {
  const message = `\nInvalid \`prisma.$executeRaw()\` invocation:\n\n\nRaw query failed. Code: \`${code}\`. Message: \`${reason}\``;
  const fields = { code: "P2010", clientVersion: "6.1.0", meta: { code, message: reason } };
  return error(message, fields, "PrismaClientKnownRequestError");
}

/** The same in Prisma with a driver's adapter, as all have one from 7 on. */
export function prismaAdapterError(originalCode: string, originalMessage: string): Error {
  const driverAdapterError = error("DriverAdapterError", { cause: { originalCode, originalMessage, kind: "x" } });
  const message = `\nInvalid \`prisma.upload.update()\` invocation:\n\n\nDatabase error. Code: \`${originalCode}\`. Message: \`${originalMessage}\``;
  const fields = { code: "P2039", clientVersion: "7.8.0", meta: { driverAdapterError } };
  return error(message, fields, "PrismaClientKnownRequestError");
}

/** `PrismaClientUnknownRequestError`, which has no code of its own: what its engine prints, by a database that says `inner`. */
export function prismaUnknownError(inner: string): Error {
  const printed = `ConnectorError(ConnectorError { user_facing_error: None, kind: QueryError(${inner}), transient: false })`;
  const message = `\nInvalid \`prisma.upload.update()\` invocation:\n\n\nError occurred during query execution:\n${printed}`;
  return error(message, { clientVersion: "6.1.0" }, "PrismaClientUnknownRequestError");
}

/** Knex puts the statement, with its values, before the reason. */
export function knexError(code: string, reason: string): Error {
  return error(`update "uploads" set "description" = 'a private - description' where "id" = 'u1' - ${reason}`, {
    code,
  });
}

/** A connection that was refused, as Node reports it. */
export function refusedConnection(address: string): Error {
  const fields = { errno: -111, code: "ECONNREFUSED", syscall: "connect", address };
  return error(`connect ECONNREFUSED ${address}`, fields);
}

/** `localhost` is two addresses, and both were refused. */
export function refusedLocalhost(port: number): Error {
  const errors = [refusedConnection(`::1:${port}`), refusedConnection(`127.0.0.1:${port}`)];
  return Object.assign(new AggregateError(errors, ""), { code: "ECONNREFUSED" });
}

/** `CODE fault again|once`: what it becomes, and whether it is tried again. */
export function verdictOf({ code, fault, retryable }: UploadError): string {
  return `${code} ${fault} ${retryable ? "again" : "once"}`;
}
