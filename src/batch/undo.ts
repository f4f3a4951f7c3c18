import type { Stoppable } from "../async/cancellation.js";
import { Interrupted, NEVER } from "../async/time.js";
import type { UploadFilter, UploadSelection } from "../contracts/repository.js";
import type { UploadRecord } from "../contracts/upload.js";
import { newRedo } from "../pipeline/reset.js";
import { filterOf } from "../pipeline/selection.js";
import type { Settings } from "../pipeline/settings.js";
import { derivedKeys } from "../records.js";
import { ownKeys, tryToRemove } from "../stages/derived-objects.js";
import { PAGE, pages } from "./pages.js";
import { resetAll } from "./rerun.js";

/**
 * Drops the drafts of a selection that nobody works on, a page at a time, and removes what was made for them.
 *
 * @param stop ends it behind the page that it is at
 * @returns how many
 */
export async function undoRedos<U extends UploadRecord>(
  selection: UploadSelection,
  settings: Settings<U>,
  stop: Stoppable,
): Promise<number> {
  let undone = 0;
  let ids: string[] = [];
  const undoPage = async () => {
    const page: UploadFilter = Object.assign(filterOf(selection), { ids });
    ids = [];
    undone += await undoSome(page as UploadSelection, settings);
  };
  for await (const { id, draft } of pages(settings.repository, selection, NEVER)) {
    if (stop.aborted) break;
    if (draft == null) continue;
    ids.push(id);
    if (ids.length === PAGE) await undoPage();
  }
  if (ids.length > 0 && !stop.aborted) await undoPage();
  return undone;
}

async function undoSome<U extends UploadRecord>(page: UploadSelection, settings: Settings<U>): Promise<number> {
  const { repository } = settings;
  // Read again right before: who let go of an upload meanwhile has recorded what was made for it.
  const before = await repository.list(page, { limit: PAGE }, NEVER);
  const undone = await resetAll(
    { repository, stopping: NEVER },
    { selection: page, how: "undo", redo: newRedo() },
    settings,
  );
  // At once: a storage that does not answer is waited for once.
  await Promise.all(before.map((upload) => upload.draft != null && removeDerived(upload, settings)));
  return undone;
}

/**
 * Objects that only the draft had. Not what lies under the upload's own key: another redo may be writing it just now, and
 * whoever makes a thumbnail puts it there.
 */
async function removeDerived<U extends UploadRecord>(before: U, settings: Settings<U>): Promise<void> {
  const { storage, repository, logger } = settings;
  for (const key of derivedKeys(before)) {
    const requireUnused = async () => {
      const now = await repository.find(before.id, NEVER);
      if (now === null) return;
      // Where the row is there, another redo may be writing under the keys of these settings.
      const used = [...derivedKeys(now), ...ownKeys(settings, before)];
      if (now.draft != null || used.includes(key)) throw new Interrupted();
    };
    try {
      const error = await tryToRemove(key, before.storageKey, storage, requireUnused);
      if (error !== undefined) logger.warn({ uploadId: before.id, key, error }, "not removed");
    } catch (thrown) {
      if (!(thrown instanceof Interrupted)) throw thrown;
    }
  }
}
