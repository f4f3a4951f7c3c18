import type { Stoppable } from "../async/cancellation.js";
import type { UploadSelection } from "../contracts/repository.js";
import type { UploadRecord } from "../contracts/upload.js";
import type { ReliableRepository } from "../pipeline/reliable-repository.js";

/** Records a page: what is remembered of a batch at one time. */
export const PAGE = 100;

/**
 * The uploads of a selection that are admitted, a page at a time.
 *
 * @param isOver asked before each page: whether to end here
 */
export async function* pages<U extends UploadRecord>(
  repository: ReliableRepository<U>,
  selection: UploadSelection,
  signal: Stoppable,
  admit: (upload: U) => boolean = () => true,
  isOver: () => Promise<boolean> = async () => false,
): AsyncGenerator<U, void, undefined> {
  let after: U | undefined;
  for (;;) {
    if (await isOver()) return;
    const uploads = await repository.list(selection, { limit: PAGE, ...(after && { after }) }, signal);
    after = uploads.at(-1);
    if (after === undefined) return;
    for (const upload of uploads) if (admit(upload)) yield upload;
  }
}
