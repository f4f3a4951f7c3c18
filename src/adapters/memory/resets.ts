import type { UploadSelection } from "../../contracts/repository.js";
import type { RerunMode, UploadDraft, UploadRecord } from "../../contracts/upload.js";
import { isHeld, isSettled, type Row } from "./rules.js";

/**
 * The upload as a reset leaves it, or `undefined` where the reset passes over it. That it is in the selection has been
 * decided before; the selection is looked at again because `retry` takes finished uploads only where it names them.
 */
export function reset(
  upload: UploadRecord,
  selection: UploadSelection,
  how: RerunMode,
  redo: string,
): UploadRecord | undefined {
  const { status, draft, metadata } = upload;
  if (!isSettled(status) || draft?.redo === redo || metadata?.redo === redo) return undefined;
  const pending = { ...upload, status: "pending" as const, starts: 0 };
  if (how !== "retry") return { ...pending, draft: newDraft(upload, how, redo) };
  if (status === "completed" && !wantsCompleted(upload, selection)) return undefined;
  if (draft) return { ...pending, draft: { ...draft, redo } };
  if (status === "completed") return { ...pending, draft: { was: status, redo, keeps: "all" } };
  return { ...pending, metadata: { ...metadata, redo } };
}

function newDraft({ status, draft }: UploadRecord, how: "reprocess" | "reprocess-all", redo: string): UploadDraft {
  const was = draft?.was ?? (status === "completed" ? "completed" : "failed");
  const leftovers = leftoversOf(draft);
  return {
    was,
    redo,
    ...(how === "reprocess" && { keeps: "same-version" }),
    ...(leftovers.length > 0 && { leftovers }),
  };
}

/** The keys of the pictures that a draft names, which is not gone on with. */
function leftoversOf(draft: UploadDraft | null | undefined): string[] {
  const renditions = Object.values(Object(Object(draft?.metadata?.media).renditions)).map((one) => Object(one).key);
  const keys: unknown[] = [draft?.thumbnailKey, ...renditions, ...(draft?.leftovers ?? [])];
  return [...new Set(keys)].filter((key): key is string => typeof key === "string");
}

/** A finished upload needs a reason to be tried again: its last redo failed, or it lacks what was asked for. */
function wantsCompleted({ errorCode }: UploadRecord, selection: UploadSelection): boolean {
  if ((errorCode ?? null) !== null) return true;
  const named = "statuses" in selection && selection.statuses?.includes("completed") === true;
  return named && "missing" in selection;
}

/** Puts the row back to what it was before it was to be done again; `false` where there is no draft, or somebody holds it. */
export function undo(row: Row, now: number): boolean {
  const { draft } = row.upload;
  if (!draft || isHeld(row, now)) return false;
  row.upload = { ...row.upload, status: draft.was, draft: null, starts: 0 };
  if (draft.was === "completed") row.upload = { ...row.upload, errorCode: null, errorStage: null, errorMessage: null };
  row.leaseUntil = null;
  row.fence++;
  return true;
}
