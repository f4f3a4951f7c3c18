import { Interrupted, NEVER, withTimeout } from "../async/time.js";
import type { StorageAdapter } from "../contracts/storage.js";
import type { UploadRecord } from "../contracts/upload.js";
import { classifyError, keyProblem, UploadError } from "../errors.js";
import { retryBriefly } from "../pipeline/retry.js";
import type { UploadRun } from "../pipeline/run.js";
import type { Settings } from "../pipeline/settings.js";
import { derivedKeys } from "../records.js";
import { requireDerivedKey } from "../storage-keys.js";

/** Removes what was made of an upload that was deleted, and only then: a row that is there may refer to it. */
export async function removeOrphans<U extends UploadRecord>(run: UploadRun<U>): Promise<void> {
  const { settings, claim, id } = run;
  try {
    const left = await settings.repository.find(id, NEVER);
    if (left !== null) return;
    const keys = new Set([...derivedKeys(claim.row), ...derivedKeys(claim.view)]);
    for (const own of ownKeys(settings, run.record())) keys.add(own);
    for (const key of keys) await removeObject(run, key);
  } catch (thrown) {
    run.warn(classifyError(thrown, "save", "REPOSITORY_FAILED"));
  }
}

/** Under which thumbnail and renditions are written by these settings, recorded or not: those that can be used. */
export function ownKeys<U extends UploadRecord>(
  { thumbnail, renditions }: Pick<Settings<U>, "thumbnail" | "renditions">,
  record: U,
): readonly string[] {
  const keys: string[] = [];
  for (const { key } of thumbnail === false ? renditions.values() : [thumbnail, ...renditions.values()]) {
    try {
      keys.push(requireDerivedKey("key", key(record), record.storageKey));
    } catch {
      // Told when one is made.
    }
  }
  return keys;
}

/**
 * Objects that the row refers to no more, now that their successors are recorded. Only while the upload is held: a redo back to an
 * earlier version writes under their keys again.
 */
export async function removeReplaced<U extends UploadRecord>(
  run: UploadRun<U>,
  keys: readonly string[],
): Promise<void> {
  for (const key of keys) await removeObject(run, key, () => run.claim.confirm(NEVER));
}

const DELETE_TIMEOUT_MS = 30_000;
const tooLate = () => new Error(`the storage did not answer within ${DELETE_TIMEOUT_MS} ms`);

async function removeObject<U extends UploadRecord>(
  run: UploadRun<U>,
  key: string,
  confirm?: () => Promise<void> | undefined,
): Promise<void> {
  const failure = await tryToRemove(key, run.storageKey, run.settings.storage, confirm);
  if (failure !== undefined) run.warn(failure);
}

/** Who asked whether it may be removed has tried for long enough: that is not repeated. */
class Unconfirmed extends Interrupted {
  constructor(readonly reason: unknown) {
    super();
  }
}

/**
 * Tried like any call of a storage, and given up in time.
 *
 * @param confirm asked before each try whether the object may still be removed
 * @returns why it is still there
 * @throws Interrupted when it may not
 */
export async function tryToRemove(
  key: string,
  originalKey: string,
  storage: StorageAdapter,
  confirm: () => Promise<void> | undefined = () => undefined,
): Promise<UploadError | undefined> {
  // Whatever the record says: that is the original, or no key at all.
  if (key === originalKey || keyProblem(key) !== null) return undefined;
  const once = async () => {
    await Promise.resolve(confirm()).catch((reason: unknown) => Promise.reject(new Unconfirmed(reason)));
    await withTimeout(storage.delete(key), DELETE_TIMEOUT_MS, tooLate);
  };
  try {
    await retryBriefly(once, NEVER);
    return undefined;
  } catch (error) {
    const thrown = error instanceof Unconfirmed ? error.reason : error;
    if (thrown instanceof Interrupted) throw thrown;
    const { message, retryable } = classifyError(thrown, "thumbnail", "STORAGE_FAILED");
    return new UploadError(message, { code: "STORAGE_FAILED", stage: "thumbnail", retryable, cause: thrown });
  }
}
