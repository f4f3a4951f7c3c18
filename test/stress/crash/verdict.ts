import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { postgresRepository } from "../../../src/adapters/postgres.js";
import { type Calls, readLedger } from "./ledger.js";
import { BATCH } from "./plan.js";
import { auditOf, type Change, connect, type Store, TABLES } from "./store.js";

export interface Verdict extends Calls {
  /** Thumbnails that a kill kept from being renamed into place: hidden files, no objects. */
  readonly temporaryFiles: number;
}

/** What the database, the folder and the ledger say when all workers have ended: every sentence in `problems` is a defect. */
export async function judge(
  store: Store,
  objects: string,
  ledger: string,
  uploads: number,
  stops?: ReadonlyMap<number, number>,
): Promise<Verdict> {
  const calls = readLedger(ledger, stops);
  const problems = [...calls.problems];
  const { client, close } = await connect(store);
  try {
    const repository = postgresRepository(client, { tables: TABLES });
    const batch = await repository.findBatch(BATCH);
    if (batch?.status !== "completed") problems.push(`the batch is ${batch?.status}`);
    const counts = JSON.stringify(await repository.countUploads({ batchId: BATCH }));
    if (counts !== JSON.stringify({ completed: uploads }))
      problems.push(`of ${uploads} uploads the counts are ${counts}`);
    problems.push(...judgeAudit(await auditOf(client), uploads));
    for (let after: Awaited<ReturnType<typeof repository.listUploads>>[number] | undefined; ; ) {
      const page = await repository.listUploads({ batchId: BATCH }, { limit: 100, ...(after && { after }) });
      for (const upload of page) {
        if (!upload.description || !upload.embedding?.length) problems.push(`${upload.id} has no result`);
        if (!isWholeJpeg(join(objects, upload.thumbnailKey ?? ""))) problems.push(`${upload.id} has no thumbnail`);
      }
      after = page.at(-1);
      if (after === undefined) break;
    }
  } finally {
    await close();
  }
  const temporaryFiles = readdirSync(join(objects, "thumbnails")).filter((name) => name.startsWith(".")).length;
  return { ...calls, problems, temporaryFiles };
}

function judgeAudit(changes: readonly Change[], uploads: number): string[] {
  const problems: string[] = [];
  const completions = new Map<string, number>();
  for (const { id, before, after, claimed, leaseOut, fences } of changes) {
    const change = `${id} from ${before} to ${after}`;
    if (claimed && (fences !== 1 || after !== "analyzing")) problems.push(`${change} by a claim, ${fences} fences on`);
    if (claimed && before !== "pending" && !leaseOut)
      problems.push(`${change} by a claim, within the lease of another`);
    if (!claimed && fences !== 0) problems.push(`${change}: the fence went back by ${-fences}`);
    if (before === "completed" || before === "failed") problems.push(`${change}: it was settled`);
    if (after === "completed") completions.set(id, (completions.get(id) ?? 0) + 1);
  }
  for (const [id, count] of completions) if (count > 1) problems.push(`${id} was completed ${count} times`);
  if (completions.size !== uploads) problems.push(`${completions.size} of ${uploads} uploads were ever completed`);
  return problems;
}

/** Whether it is there from its first marker to its last. */
export function isWholeJpeg(path: string): boolean {
  try {
    const bytes = readFileSync(path);
    return bytes.readUInt16BE(0) === 0xffd8 && bytes.readUInt16BE(bytes.length - 2) === 0xffd9;
  } catch {
    return false;
  }
}
