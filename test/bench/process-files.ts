import { availableParallelism } from "node:os";
import type { AIAdapter, BatchProcessorOptions, UploadRecord } from "../../src/index.js";
import { repository, requireCompleted, storage, uploadOf } from "./idle-adapters.js";
import { BatchProcessor } from "./library.js";
import { withSmallPhoto } from "./photos.js";

/** The default of `limits.decode`: the thread pool keeps a free thread. */
export const DECODERS = Math.max(1, Math.min(availableParallelism(), Number(process.env.UV_THREADPOOL_SIZE ?? 4) - 1));

/** Has files processed by the library, beside a repository that does nothing. @returns how many objects were written */
export async function processFiles(
  paths: readonly string[],
  model: AIAdapter,
  options: Partial<BatchProcessorOptions<UploadRecord>> = {},
): Promise<number> {
  const uploads = paths.map((_, index) => ({ ...uploadOf(`upload-${index}`), storageKey: String(index) }));
  let written = 0;
  const processor = new BatchProcessor<UploadRecord>({
    storage: {
      ...storage,
      open: async (key) => ({ path: paths[Number(key)] as string }),
      write: async () => {
        written++;
      },
    },
    ai: model,
    repository: {
      ...repository,
      claimUpload: async (id) => {
        const upload = uploads[Number(id.slice("upload-".length))] as (typeof uploads)[number];
        return { outcome: "claimed", upload: { ...upload, status: "analyzing", starts: 1 }, fence: 1 };
      },
    },
    ...options,
  });
  requireCompleted(await processor.processUploads(uploads), paths.length);
  return written;
}

const WARM_UPS = 2000;

/**
 * Has a small photo done so often that V8 has optimized what it optimizes of each side, which takes thousands of uploads: a worker
 * has done as many after some minutes, and a benchmark of some dozens of large photos would measure its interpreter.
 */
export function warmUp(...sides: readonly ((paths: readonly string[]) => Promise<unknown>)[]): Promise<void> {
  return withSmallPhoto(async (path) => {
    const paths = Array.from({ length: WARM_UPS }, () => path);
    for (const side of sides) await side(paths);
  });
}
