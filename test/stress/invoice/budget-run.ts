import { memoryRepository } from "../../../src/adapters/memory.js";
import { BatchProcessor, type UploadRecord } from "../../../src/index.js";
import { randomFrom } from "../../../src/testing/random.js";
import { jpeg } from "../../support/jpeg.js";

export interface BudgetReport {
  readonly runs: number;
  /** Runs that went over their budget, and by how much at most, in the currency of the prices. */
  overrun: number;
  mostOverrun: number;
  readonly problems: string[];
}

interface Call {
  readonly began: number;
  ended: number;
  readonly cost: number;
}

/** Prices: all the same, of two kinds, or anything. */
const PRICES = [
  () => 5,
  (random: () => number) => (random() < 0.8 ? 3 : 7),
  (random: () => number) => 1 + random() * 9,
];

/**
 * Spends budgets of all sizes at once and again, until the batch is done. A run is over its budget by no more than what the
 * calls that were under way when its last one began cost above the dearest before them: of one price, not at all.
 */
export async function budgets(runs: number, seed: number): Promise<BudgetReport> {
  const report: BudgetReport = { runs, overrun: 0, mostOverrun: 0, problems: [] };
  for (let run = 0; run < runs; run++)
    await spend(randomFrom(`budget ${seed} ${run}`), `seed ${seed}, run ${run}`, report);
  return report;
}

async function spend(random: () => number, name: string, report: BudgetReport): Promise<void> {
  const kind = Math.floor(random() * PRICES.length);
  const price = () => (PRICES[kind] as (random: () => number) => number)(random);
  const limit = 5 + random() * 150;
  const uploads: UploadRecord[] = Array.from({ length: 40 }, (_, n) => ({
    id: `u${n}`,
    storageKey: `originals/${n}`,
    status: "pending",
    batchId: "batch",
  }));
  const repository = memoryRepository({ uploads, batches: [{ id: "batch", status: "pending" }] });
  const calls: Call[] = [];
  let moment = 0;
  const call = async <T>(answer: T): Promise<{ answer: T; cost: number }> => {
    const made: Call = { began: ++moment, ended: Number.POSITIVE_INFINITY, cost: price() };
    calls.push(made);
    await new Promise((resolve) => setTimeout(resolve, random() * 3));
    made.ended = ++moment;
    return { answer, cost: made.cost };
  };
  const ai = {
    describe: async () => {
      const { answer, cost } = await call("a photo");
      return { text: answer, usage: { cost } };
    },
    embed: async () => {
      const { answer, cost } = await call([1, 2]);
      return { vector: answer, usage: { cost } };
    },
    price: () => null,
  };
  const storage = { open: async () => ({ bytes: jpeg }), write: async () => {}, delete: async () => {} };
  const concurrency = 1 + Math.floor(random() * 8);
  for (let again = 0; again < 1000; again++) {
    // A run of a budget of its own: it learns the prices anew.
    const processor = new BatchProcessor({ storage, ai, repository, thumbnail: false, concurrency });
    const before = calls.length;
    const result = await processor.process("batch", { budget: limit });
    const made = calls.slice(before);
    const bill = made.reduce((sum, { cost }) => sum + cost, 0);
    const booked = result.usage.cost ?? 0;
    if (Math.abs(bill - booked) > 1e-6) report.problems.push(`${name}: ${bill} is spent, and ${booked} is booked`);
    const over = bill - limit;
    if (over > 1e-6) {
      report.overrun++;
      report.mostOverrun = Math.max(report.mostOverrun, over);
      const allowed = allowedFor(made);
      if (over > allowed + 1e-6) report.problems.push(`${name}: over ${limit} by ${over}, and ${allowed} may be`);
      if (kind === 0 && made.length > 1) report.problems.push(`${name}: over ${limit} by ${over} at one price`);
    }
    if (result.status === "completed") break;
    if (result.error?.code !== "BUDGET_EXHAUSTED") report.problems.push(`${name}: ended by ${result.error}`);
    if (made.length === 0) report.problems.push(`${name}: nothing was done with a budget of ${limit}`);
    if (report.problems.length > 0) return;
  }
  const open = (await repository.listUploads({ all: true }, { limit: 100 })).filter(
    ({ status }) => status !== "completed",
  );
  if (open.length > 0) report.problems.push(`${name}: ${open.length} are open in the end`);
  if (calls.length !== 80) report.problems.push(`${name}: ${calls.length} calls for 80 results`);
}

/** What the calls that were under way when the last one began cost above the dearest that had ended by then. */
function allowedFor(calls: readonly Call[]): number {
  const last = calls.at(-1)?.began ?? 0;
  const dearest = Math.max(0, ...calls.filter(({ ended }) => ended < last).map(({ cost }) => cost));
  const underWay = calls.filter(({ ended }) => ended > last);
  return underWay.reduce((sum, { cost }) => sum + Math.max(0, cost - dearest), 0);
}
