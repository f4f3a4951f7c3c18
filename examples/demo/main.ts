import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { type AIAdapter, BatchProcessor, type BatchResult } from "upload-processor";
import { fileStorage } from "upload-processor/fs";
import type { PostgresUpload } from "upload-processor/postgres";
import { type Arguments, readArguments, USAGE, UsageError } from "./arguments.js";
import { synchronize } from "./catalogue.js";
import { writeContactSheet } from "./contact-sheet.js";
import { openDatabase } from "./database.js";
import { installedDecoders, isVideo } from "./decoders.js";
import { Interruption } from "./interruption.js";
import { lockFolder } from "./lock.js";
import { findPhotos } from "./photos.js";
import { plainView } from "./plain.js";
import { slowed } from "./slow.js";
import { type StageTimes, StageTimesTable, timesOf } from "./stage-times.js";
import { summarize } from "./summary.js";
import { terminalView } from "./terminal.js";
import { photographs } from "./text.js";
import type { MakeView } from "./view.js";

const CONCURRENCY = 4;

/** @returns the exit code */
export async function main(args: readonly string[], ai: AIAdapter): Promise<number> {
  try {
    const given = readArguments(args);
    if (!given.help) return await demo(given, ai);
    console.log(USAGE);
    return 0;
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    console.error(`demo: ${error.message}`);
    return 2;
  }
}

async function demo({ folder, out, retryFailed, slowMs }: Arguments, ai: AIAdapter): Promise<number> {
  const installed = installedDecoders();
  const { photos, passedOver, toInstall } = await findPhotos(folder, out, installed);
  const others = passedOver > 0 ? `, ${passedOver} other file${passedOver > 1 ? "s" : ""}` : "";
  const videos = photos.filter(({ key }) => isVideo(key)).length;
  const and = videos > 0 ? ` and ${videos} video${videos > 1 ? "s" : ""}` : "";
  console.log(`${photographs(photos.length - videos)}${and} in ${folder}${others}`);
  for (const what of toInstall) console.log(`Passed over: ${what}`);
  await createFolder(out);
  await using _lock = await lockFolder(out);
  await using database = await openDatabase(out);
  const { repository } = database;

  // Originals are read where they are; what is made of them goes to the other folder.
  const storage = { ...fileStorage(out), open: fileStorage(folder).open };
  const batchId = folder;
  const { added, removed } = await synchronize(batchId, photos, repository, storage);
  if (removed > 0) console.log(`Since the last run: ${added} new or changed, ${removed} gone`);

  await using processor = new BatchProcessor({
    storage,
    ai: slowed(ai, slowMs),
    repository,
    concurrency: CONCURRENCY,
    decoders: installed.decoders,
    thumbnail: { size: 512 },
    // The demo is made to be killed: a photograph that was in flight at a few kills has not caused them.
    lease: { maxStarts: 10 },
  });
  const table = new StageTimesTable(database.client);
  const times: StageTimes[] = [];
  processor.on("upload:settled", (result) => {
    table.record(result);
    if (result.status === "completed") times.push(timesOf(result));
  });

  const { completed = 0, failed = 0 } = await repository.countUploads({ batchId });
  const earlier = { completed, failed: retryFailed ? 0 : failed };
  const open = photos.length - earlier.completed - earlier.failed;
  // It compares every photograph with every other, so it is not written again for nothing: where it is, it is up to date.
  const contactSheet = join(out, "index.html");
  if (open > 0 || removed > 0) await rm(contactSheet, { force: true });

  const names = new Map(photos.map(({ id, key }) => [id, key]));
  const nameOf = (uploadId: string) => names.get(uploadId) ?? uploadId;
  // What has failed is open again, and is done with the rest.
  if (retryFailed) await repository.resetUploads({ batchId }, "retry", randomUUID());
  const work = { open, concurrency: CONCURRENCY, nameOf };
  const { result, exitCode } = await watched(processor, work, (signal) => processor.process(batchId, { signal }));

  await table.written();
  if (exitCode !== undefined) {
    const settled = result.completed + result.failed + result.skipped;
    console.log(`Interrupted with ${settled} of ${photos.length} done: the next run continues here`);
    return exitCode;
  }
  if (result.error !== undefined) throw result.error;
  if (!existsSync(contactSheet)) {
    console.log("Writing the contact sheet");
    await writeContactSheet(contactSheet, { folder, batchId, repository, times: await table.all() });
  }
  const paths = { "Contact sheet": contactSheet, Thumbnails: join(out, "thumbnails"), Database: join(out, "database") };
  console.log(summarize({ result, earlier, times, nameOf, paths }));
  return 0;
}

/** Runs the processor with its progress shown, until it has ended or was interrupted. */
async function watched(
  processor: BatchProcessor<PostgresUpload>,
  work: Parameters<MakeView>[1],
  run: (signal: AbortSignal) => Promise<BatchResult>,
): Promise<{ result: BatchResult; exitCode: number | undefined }> {
  const makeView = process.stdout.isTTY && !process.env.CI ? terminalView : plainView;
  using view = makeView(processor, work);
  using interruption = new Interruption(() => {
    view.say(`Finishing the ${photographs(processor.activeCount)} in flight; once more to stop at once`);
    void processor.close();
  });
  const result = await run(interruption.signal);
  return { result, exitCode: interruption.exitCode };
}

async function createFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true });
  } catch (error) {
    throw new UsageError(`${path} cannot be created: ${(error as Error).message}`);
  }
}
