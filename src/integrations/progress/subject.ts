import type { ReceivedEvent } from "../../index.js";
import { expected } from "../check.js";

/** What a request watches. */
export type Subject = { readonly batchId: string } | { readonly uploadId: string };

/** @throws ConfigurationError for what is no subject */
export function requireSubject(given: Subject): Subject {
  const { batchId, uploadId } = Object(given) as { batchId?: unknown; uploadId?: unknown };
  if (typeof batchId === "string" && batchId !== "" && uploadId === undefined) return { batchId };
  if (typeof uploadId === "string" && uploadId !== "" && batchId === undefined) return { uploadId };
  throw expected("subject", "{ batchId } or { uploadId }, a Response, or null", given);
}

export function keyOf(subject: Subject): string {
  return "batchId" in subject ? `batch ${subject.batchId}` : `upload ${subject.uploadId}`;
}

/** Whose event it is. That of a breaker is nobody's: it tells of a service, which all users share. */
export function keysOf(event: ReceivedEvent): string[] {
  const keys: string[] = [];
  if ("uploadId" in event) keys.push(keyOf({ uploadId: event.uploadId }));
  if ("batchId" in event && event.batchId !== null) keys.push(keyOf({ batchId: event.batchId }));
  return keys;
}
