import { mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as later } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import { fileStorage } from "../../../src/adapters/fs.js";
import { postgresRepository } from "../../../src/adapters/postgres.js";
import { BatchProcessor } from "../../../src/index.js";
import { Database } from "./database.js";
import { type FaultCounts, FaultyAdapter } from "./faults.js";
import { type Flatness, flatnessOf } from "./flatness.js";
import { Ledger } from "./ledger.js";
import { hashingAI } from "./model.js";
import { writeOriginals } from "./originals.js";
import { judge, readStores } from "./verdict.js";
import { activeResources, openFiles, watchMemory } from "./watch.js";

export interface SoakOptions {
  readonly uploads: number;
  /** How many uploads a batch has. */
  readonly batch: number;
  readonly seed: number;
  /** How long a claim whose answer was lost keeps its upload from being taken again. */
  readonly leaseMs: number;
  /** How many calls of the adapters go wrong, from 0 to 1. */
  readonly rate: number;
  readonly onProgress?: (progress: SoakProgress) => void;
}

export interface SoakProgress {
  readonly uploads: number;
  /** In bytes, the last one of the database's process. */
  readonly memory: {
    readonly rss: number;
    readonly heapUsed: number;
    readonly external: number;
    readonly database: number;
  };
  readonly resources: Record<string, number>;
  readonly files: number | null;
}

export interface SoakReport {
  readonly uploads: number;
  readonly originals: number;
  readonly seconds: number;
  readonly faults: FaultCounts;
  readonly withoutThumbnail: number;
  readonly flatness: readonly Flatness[];
  /** Of the database's process, before and after, in bytes. */
  readonly databaseMemory: readonly [before: number, after: number];
  readonly problems: readonly string[];
}

const PROGRESS_INTERVAL_MS = 5000;
const CONCURRENCY = 8;

/** Processes batch after batch in one processor, while the adapters fail now and then, and judges what is left. */
export async function soak({ uploads, batch, seed, leaseMs, rate, onProgress }: SoakOptions): Promise<SoakReport> {
  const folder = await mkdtemp(join(tmpdir(), "soak-"));
  const objects = join(folder, "objects");
  const originals = await writeOriginals(objects);
  const database = await Database.start(join(folder, "database"));
  const restoreTemporary = await useTemporary(join(folder, "temporary"));
  try {
    const sound = postgresRepository(database, { vector: "array" });
    await sound.migrate();
    const ledger = new Ledger();
    const plan = { seed, rate, latencyMs: 20 };
    const storage = new FaultyAdapter(fileStorage(objects), plan);
    const ai = new FaultyAdapter(hashingAI(ledger), plan);
    const repository = new FaultyAdapter(sound, plan);
    const processor = new BatchProcessor({
      ...{ storage: storage.adapter, ai: ai.adapter, repository: repository.adapter, concurrency: CONCURRENCY },
      // Five failures in a row of the same call: once in 2,000 million uploads.
      retry: { maxAttempts: 5, minTimeout: 10, maxTimeout: 100 },
      lease: { durationMs: leaseMs, maxStarts: 10 },
      thumbnail: { key: ({ id }) => keyOf(id) },
    });
    ledger.listen(processor);

    const before = openHandles();
    const databaseBefore = await database.memory();
    const { memory, stop } = watchMemory(() => ledger.settled);
    const report = setInterval(() => void tell(), PROGRESS_INTERVAL_MS).unref();
    const begunAt = performance.now();
    for (let done = 0, number = 1; done < uploads; done += batch, number++) {
      for (const each of [storage, ai, repository]) each.renew(seed + number);
      await processBatch(number, Math.min(batch, uploads - done));
    }
    const seconds = (performance.now() - begunAt) / 1000;
    stop();
    clearInterval(report);
    await processor.close();
    for (const each of [storage, ai, repository]) each.renew(seed);

    const faults = { ...storage.counts, ...ai.counts, ...repository.counts };
    const counts = {
      ...{ started: ledger.started, settled: ledger.settled, completed: ledger.completed, hundreds: ledger.hundreds },
      // A description whose answer was lost has to be made again.
      describes: ledger.describes - (faults["error-after describe"] ?? 0),
      embeds: ledger.embeds - (faults["error-after embed"] ?? 0),
    };
    for (const [name, count] of Object.entries(counts))
      if (count !== uploads) ledger.problem(`${count} ${name} of ${uploads} uploads`);
    const { withoutThumbnail } = ledger;
    // Each is tried five times, as a call of the model is.
    if (withoutThumbnail > 0) ledger.problem(`${withoutThumbnail} uploads have no thumbnail`);
    const explanations = { uploads, withoutThumbnail, lostWrites: faults["error-after write"] ?? 0 };
    const problems = [...ledger.problems, ...judge(await readStores(database, objects), explanations, keyOf)];
    const after = await untilQuiet(before);
    if (!isDeepStrictEqual(after, before))
      problems.push(`left open: ${JSON.stringify(after)} in place of ${JSON.stringify(before)}`);
    for (const name of await readdir(tmpdir())) problems.push(`a temporary file was left: ${name}`);
    return {
      ...{ uploads, originals: originals.length, seconds, faults, withoutThumbnail, problems },
      flatness: flatnessOf(memory, uploads),
      databaseMemory: [databaseBefore, await database.memory()],
    };

    async function processBatch(number: number, size: number): Promise<void> {
      const id = `batch${number}`;
      ledger.begin(size);
      await sound.addBatch({ id });
      const added = Array.from({ length: size }, (_, place) => ({
        ...{ id: `${number}-${place}`, batchId: id, storageKey: originals[place % originals.length] ?? "" },
      }));
      await sound.addUploads(added);
      const { status, total, completed } = await processor.process(id);
      if (status !== "completed" || total !== size || completed !== size)
        ledger.problem(`${id}: ${status}, ${completed} completed of ${total} in place of ${size}`);
      ledger.end();
    }

    async function tell(): Promise<void> {
      const { rss, heapUsed, external } = process.memoryUsage();
      const databaseNow = await database.memory();
      onProgress?.({
        uploads: ledger.settled,
        memory: { rss, heapUsed, external, database: databaseNow },
        ...{ resources: activeResources(), files: openFiles() },
      });
    }
  } finally {
    restoreTemporary();
    await database.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

const keyOf = (id: string) => `thumbnails/${id.split("-")[0]}/${id}.jpg`;

const openHandles = () => ({ resources: activeResources(), files: openFiles() });

/** Node takes a moment to let go of what this very program has just closed. */
async function untilQuiet(before: ReturnType<typeof openHandles>): Promise<ReturnType<typeof openHandles>> {
  for (let turn = 0; turn < 40 && !isDeepStrictEqual(openHandles(), before); turn++)
    await later(50, undefined, { ref: false });
  return openHandles();
}

/** A folder for temporary files of this process alone, so that none of another process is taken for one that was left. */
async function useTemporary(folder: string): Promise<() => void> {
  const { TMPDIR } = process.env;
  await mkdir(folder);
  process.env.TMPDIR = folder;
  return () => {
    if (TMPDIR === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = TMPDIR;
  };
}
