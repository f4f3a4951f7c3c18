import { randomUUID } from "node:crypto";
import { Cancellation, type Stoppable } from "../async/cancellation.js";
import { cleanText } from "../clean-text.js";
import type { UploadChanges, UploadSelection } from "../contracts/repository.js";
import type { RerunMode, UploadDraft, UploadRecord } from "../contracts/upload.js";
import { ConfigurationError } from "../errors.js";
import { aiVersionOf, pictureKeys } from "../records.js";
import { heldIn } from "../runtime/active-upload.js";
import { expected, requireKnown } from "../validate.js";
import { acquireClaim, isSettled } from "./acquire.js";
import { filterOf, selects } from "./selection.js";
import type { Settings } from "./settings.js";

const MODES: readonly unknown[] = ["retry", "reprocess", "reprocess-all"] satisfies RerunMode[];
/** What a redo makes `processing`; what it has made so may be cancelled again meanwhile. */
const SETTLED_BATCHES = ["pending", "completed", "failed"] as const;
const OTHER_BATCHES = [...SETTLED_BATCHES, "cancelled"] as const;
/** A name for a redo that nobody else has. */
export const newRedo = (): string => randomUUID();

/** @throws ConfigurationError unless it is a mode that there is */
export function requireMode(name: string, mode: unknown): RerunMode {
  if (MODES.includes(mode)) return mode as RerunMode;
  throw expected(name, '"retry", "reprocess" or "reprocess-all"', mode);
}

/** @throws ConfigurationError unless it is undefined or a name for a redo */
export function requireRedo(name: string, redo: unknown): string {
  if (redo === undefined) return newRedo();
  // One that a store keeps as another text would not be found again.
  if (typeof redo === "string" && redo !== "" && redo.length <= 500 && redo === cleanText(redo)) return redo;
  throw expected(name, "a text of at most 500 characters, without NUL and half surrogate pairs", redo);
}

/** What a mode takes of a selection. @throws ConfigurationError `reprocess` of models without a version */
export function selectionFor<U extends UploadRecord>(
  selection: UploadSelection,
  mode: RerunMode,
  { ai }: Pick<Settings<U>, "ai">,
): UploadSelection {
  if (mode !== "reprocess") return selection;
  const notAiVersion = aiVersionOf(ai);
  const filter = filterOf(selection);
  if (filter.notAiVersion !== undefined && filter.notAiVersion !== notAiVersion)
    throw expected("selection.notAiVersion", 'nothing with "reprocess", which goes by ai.version', filter.notAiVersion);
  if (notAiVersion !== null) return Object.assign(filter, { notAiVersion });
  throw new ConfigurationError(
    'rerun "reprocess": ai.version is missing, which tells what is up to date; set it, or use "reprocess-all"',
  );
}

/** A redo, or the undoing of those there are. */
export interface Reset {
  readonly selection: UploadSelection;
  readonly how: RerunMode | "undo";
  readonly redo: string;
}

/** Resets one upload, if it is settled and the mode takes it. @returns whether it was reset */
export async function resetOne<U extends UploadRecord>(
  id: string,
  rerun: RerunMode | { readonly mode: RerunMode; readonly name: string },
  settings: Settings<U>,
  signal: Stoppable,
): Promise<boolean> {
  const isNamed = typeof rerun === "object" && rerun !== null;
  const { mode, name } = isNamed ? rerun : { mode: rerun, name: undefined };
  if (isNamed) requireKnown("rerun", rerun, ["mode", "name"]);
  requireMode(isNamed ? "rerun.mode" : "rerun", mode);
  if (isNamed && name === undefined)
    throw expected("rerun.name", 'a text; without a name hand in the mode alone, such as "retry"', name);
  const redo = requireRedo("rerun.name", name);
  const selection = selectionFor({ ids: [id] }, mode, settings);
  if (settings.repository.hasResets) return (await settings.repository.reset(selection, mode, redo, signal)) > 0;
  return resetOneByOne(id, { selection, how: mode, redo }, settings, signal);
}

/**
 * Resets an upload of a repository without `resetUploads`, by the same rules.
 *
 * @param reopened batches that the same redo has made `processing` already: each is opened once from `cancelled`
 * @returns whether it was reset
 * @throws ConfigurationError when the repository keeps no draft: then nothing is reset
 */
export async function resetOneByOne<U extends UploadRecord>(
  id: string,
  reset: Reset,
  settings: Settings<U>,
  signal: Stoppable,
  reopened = new Set<string>(),
): Promise<boolean> {
  const { repository } = settings;
  if (reset.how === "undo") {
    const undone = await undoOpen(id, reset.selection, settings, signal);
    if (undone !== "settled") return undone;
  }
  if (repository.hasClaims) return resetSettled(id, reset, settings, signal, reopened);
  // Without claims, nothing but this keeps it from being begun, or reset twice, between two writes.
  const held = heldIn(repository.adapter);
  if (held.has(id)) return false;
  held.add(id);
  try {
    return await resetSettled(id, reset, settings, signal, reopened);
  } finally {
    held.delete(id);
  }
}

/** Undoes the redo of an upload that is not settled, under a claim: so nobody holds it, or is granted it meanwhile. */
async function undoOpen<U extends UploadRecord>(
  id: string,
  selection: UploadSelection,
  settings: Settings<U>,
  signal: Stoppable,
): Promise<boolean | "settled"> {
  const { repository } = settings;
  const found = await repository.find(id, signal);
  if (found === null || found.draft == null || !selects(selection, found)) return false;
  if (isSettled(found)) return "settled";
  const undone = droppingDraft(found.draft, found);
  const acquired = await acquireClaim(id, settings, new Cancellation());
  if (acquired.outcome === "claimed") {
    try {
      return (await acquired.claim.settle(undone)) === "saved";
    } finally {
      await acquired.claim.abandon(); // also where the store refuses it
    }
  }
  // A claim is granted to nobody when the batch is cancelled.
  if (acquired.outcome !== "cancelled") return false;
  return (await repository.update(`Upload ${id} could not be reset`, id, undone, undefined, signal)) === "saved";
}

async function resetSettled<U extends UploadRecord>(
  id: string,
  { selection, how, redo }: Reset,
  { repository }: Settings<U>,
  signal: Stoppable,
  reopened: Set<string>,
): Promise<boolean> {
  const found = await repository.find(id, signal);
  if (found === null || !selects(selection, found)) return false;
  const changes = resetChanges(found, selection, how, redo);
  if (changes === null) return false;
  const write = (part: UploadChanges) =>
    repository.update(`Upload ${id} could not be reset`, id, part, undefined, signal);
  const { draft } = changes;
  if (draft != null) {
    // A draft is merged into what is stored, so one that is not gone on with is dropped before. The row stays as it is meanwhile.
    const parts = found.draft != null && how !== "retry" ? [null, draft] : [draft];
    const writeDraft = async () => {
      for (const part of parts) await write({ status: found.status, draft: part });
    };
    if (!(await keepDraft(id, redo, writeDraft, repository, signal))) return false;
  }
  if ((await write(changes)) !== "saved") return false;
  const { batchId } = found;
  if (how !== "undo" && batchId && repository.hasBatches) {
    await repository.moveBatch(batchId, "processing", reopened.has(batchId) ? SETTLED_BATCHES : OTHER_BATCHES, signal);
    reopened.add(batchId);
  }
  return true;
}

/** Stores the draft of a redo. @returns false where the upload was deleted or begun meanwhile, or another redo has it */
async function keepDraft<U extends UploadRecord>(
  id: string,
  redo: string,
  writeDraft: () => Promise<void>,
  repository: Settings<U>["repository"],
  signal: Stoppable,
): Promise<boolean> {
  // Once it may have been undone meanwhile.
  for (let tries = 1; tries <= 2; tries++) {
    await writeDraft();
    const now = await repository.find(id, signal);
    if (now === null || !isSettled(now)) return false;
    if (now.draft != null) return now.draft.redo === redo;
  }
  throw withoutDraft();
}

function withoutDraft(): ConfigurationError {
  return new ConfigurationError(
    "repository: a completed upload can only be done again where the repository stores the field draft, as JSON; add it to your records",
  );
}

/** What a reset changes in a row, by the rules of `resetUploads`; `null` where it is passed over. */
export function resetChanges(
  upload: UploadRecord,
  selection: UploadSelection,
  how: RerunMode | "undo",
  redo: string,
): UploadChanges | null {
  const { status, draft } = upload;
  if (how === "undo") return undoing(upload);
  if (!isSettled(upload) || upload.metadata?.redo === redo) return null;
  const was = status === "completed" ? "completed" : "failed";
  const reset: UploadChanges = { status: "pending", starts: 0 };
  if (draft?.redo === redo) return isHalfReset(upload) ? reset : null;
  switch (how) {
    case "retry": {
      if (!takesRetry(upload, selection)) return null;
      if (draft != null) return Object.assign(reset, { draft: Object.assign({}, draft, { redo }) });
      if (was === "failed") return Object.assign(reset, { metadata: { redo } });
      return Object.assign(reset, { draft: { was, redo, keeps: "all" } satisfies UploadDraft });
    }
    case "reprocess":
      return Object.assign(reset, {
        draft: { was: draft?.was ?? was, redo, keeps: "same-version", ...leftoversOf(draft) } satisfies UploadDraft,
      });
    case "reprocess-all":
      return Object.assign(reset, {
        draft: { was: draft?.was ?? was, redo, ...leftoversOf(draft) } satisfies UploadDraft,
      });
  }
}

/** Pictures of a draft that is not gone on with: the new one names them, so that they are removed when it ends. */
function leftoversOf(draft: UploadDraft | null | undefined): Pick<UploadDraft, "leftovers"> {
  const keys = pictureKeys(draft ?? {});
  return keys.length === 0 ? {} : { leftovers: [...new Set(keys)] };
}

/** A reset one by one was interrupted when the draft was written: a redo that has failed has its reason beside it. */
function isHalfReset({ status, draft, errorCode }: UploadRecord): boolean {
  return status === "completed" && draft != null && !errorCode;
}

function takesRetry(upload: UploadRecord, selection: UploadSelection): boolean {
  if (upload.status === "failed" || upload.errorCode || isHalfReset(upload)) return true;
  const { statuses, missing } = filterOf(selection);
  return missing !== undefined && statuses?.includes("completed") === true;
}

function undoing(upload: UploadRecord): UploadChanges | null {
  return upload.draft == null || !isSettled(upload) ? null : droppingDraft(upload.draft, upload);
}

/** A claim clears the reason of a failure; what is failed again has it again. */
function droppingDraft({ was }: UploadDraft, { errorCode, errorStage, errorMessage }: UploadRecord): UploadChanges {
  const none = { errorCode: null, errorStage: null, errorMessage: null };
  const reason = { errorCode: errorCode ?? null, errorStage: errorStage ?? null, errorMessage: errorMessage ?? null };
  return Object.assign({ status: was, starts: 0, draft: null }, was === "failed" ? reason : none);
}
