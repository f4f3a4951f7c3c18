import { NEVER } from "../async/time.js";
import type { UploadSelection } from "../contracts/repository.js";
import type { RerunMode, UploadDraft, UploadRecord } from "../contracts/upload.js";
import type { RunPlan } from "../options.js";
import { keptResults, madeResults } from "../pipeline/kept-results.js";
import { mediaOf, mergeMedia } from "../pipeline/media-facts.js";
import { hasPictures } from "../pipeline/pictures-wanted.js";
import { newRedo, resetChanges, selectionFor } from "../pipeline/reset.js";
import { type Results, resultsOf } from "../pipeline/results.js";
import type { Settings } from "../pipeline/settings.js";
import { embeds } from "../records.js";
import type { SharedRuntime } from "../runtime/runtime.js";
import { pages } from "./pages.js";

/** What a rerun would do, found out by reading: nothing is written, and nothing paid. */
export async function planRerun<U extends UploadRecord>(
  settings: Settings<U>,
  selection: UploadSelection,
  mode: RerunMode,
  concurrency: number,
): Promise<RunPlan> {
  const { repository, ai, stages, runtime } = settings;
  const taken = selectionFor(selection, mode, settings);
  const redo = newRedo();
  const calls: Record<string, number> = {};
  const count = (stage: string) => {
    calls[stage] = (calls[stage] ?? 0) + 1;
  };
  let uploads = 0;
  for await (const upload of pages(repository, taken, NEVER)) {
    const changes = resetChanges(upload, taken, mode, redo);
    if (changes === null) continue;
    uploads++;
    const has = afterReset(upload, (changes.draft ?? null) as UploadDraft | null, settings);
    if (!hasPictures(has, settings)) count("thumbnail");
    if (has.description === undefined) count("describe");
    if (embeds(ai) && has.embedding === undefined) count("embed");
    for (const { name } of stages) if (has.metadata?.[name] == null) count(name);
  }
  return { uploads, calls, ...estimate(calls, runtime, concurrency) };
}

/** What an upload would not need to be made again. */
function afterReset<U extends UploadRecord>(upload: U, draft: UploadDraft | null, settings: Settings<U>): Results {
  if (draft === null) return resultsOf(upload);
  const kept = keptResults(upload, draft, settings);
  const made = madeResults(draft, kept, settings);
  const media = mergeMedia(mediaOf(kept), mediaOf(made));
  const metadata = Object.assign({}, kept.metadata, made.metadata, media && { media });
  return Object.assign({}, kept, made, { metadata });
}

/** By the means of what this runtime has seen for an upload, whether a call was for one of them or for many. */
function estimate(
  calls: Readonly<Record<string, number>>,
  runtime: SharedRuntime,
  concurrency: number,
): Pick<RunPlan, "cost" | "durationMs"> {
  let cost: number | null = 0;
  let durationMs: number | null = 0;
  for (const stage of ["describe", "embed"]) {
    const planned = calls[stage] ?? 0;
    if (planned === 0) continue;
    const seen = runtime.ledger.of(stage);
    const uploads = runtime.ledger.bookings(stage);
    if (seen?.cost === undefined || uploads === 0) cost = null;
    else if (cost !== null) cost += (planned * seen.cost) / uploads;
    if (seen?.durationMs === undefined || uploads === 0) durationMs = null;
    else if (durationMs !== null) {
      const inACall = Math.max(1, uploads / Math.max(1, seen.requests ?? 0));
      const atOnce = Math.max(1, Math.min(concurrency / inACall, runtime.limiter(stage).concurrency));
      durationMs = Math.max(durationMs, (planned * seen.durationMs) / uploads / atOnce);
    }
  }
  return { cost, durationMs };
}
