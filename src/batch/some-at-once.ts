import type { Stoppable } from "../async/cancellation.js";
import { Limiter } from "../runtime/limiter.js";

/**
 * Does the work for each, some at once; after a failure it begins no further one.
 *
 * @throws what failed first, when all that was begun has ended
 */
export async function someAtOnce<T>(
  items: AsyncIterable<T>,
  concurrency: number,
  stop: Stoppable,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const slots = new Limiter(concurrency);
  const working = new Set<Promise<void>>();
  // Kept until the others have ended: a rejection that comes while the next page is read would have nobody to handle it.
  const failures: unknown[] = [];
  try {
    for await (const item of items) {
      if (stop.aborted || failures.length > 0) break;
      const begun = slots
        .run(stop, () => work(item))
        .catch((error: unknown) => void failures.push(error))
        .finally(() => working.delete(begun));
      working.add(begun);
      if (working.size >= 2 * concurrency) await Promise.race(working);
    }
  } finally {
    // What was begun is not left to itself when the items could not be read.
    await Promise.all(working);
  }
  if (failures.length > 0) throw failures[0];
}
