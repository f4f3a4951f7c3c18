import type { Stoppable } from "../async/cancellation.js";
import type { UploadFilter, UploadSelection } from "../contracts/repository.js";
import type { UploadRecord } from "../contracts/upload.js";
import type { ReliableRepository } from "../pipeline/reliable-repository.js";
import { filterOf } from "../pipeline/selection.js";

/** Records a page: what is remembered of a batch at one time. */
export const PAGE = 100;
/** Ids in a statement: each page is asked for with all of them. */
const MOST_IDS = 1000;

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
  for (const part of partsOf(selection)) {
    let after: U | undefined;
    for (;;) {
      if (await isOver()) return;
      const uploads = await repository.list(part, { limit: PAGE, ...(after && { after }) }, signal);
      after = uploads.at(-1);
      if (after === undefined) break;
      for (const upload of uploads) if (admit(upload)) yield upload;
    }
  }
}

/** A selection of many ids in parts, each id once: 500 pages with 50,000 ids in each took a minute. */
function* partsOf(selection: UploadSelection): Generator<UploadSelection, void, undefined> {
  const filter = filterOf(selection);
  if (filter.ids === undefined || filter.ids.length <= MOST_IDS) {
    yield selection;
    return;
  }
  const ids = [...new Set(filter.ids)];
  for (let start = 0; start < ids.length; start += MOST_IDS) {
    const part: UploadFilter = Object.assign({}, filter, { ids: ids.slice(start, start + MOST_IDS) });
    yield part as UploadSelection;
  }
}
