import type { OpenedOriginal } from "../contracts/storage.js";
import { unknownOption } from "../errors.js";
import { expected, requireEach, requireKnown, requireMembers } from "../validate.js";
import { CONTRACT_METHODS } from "./contract-methods.js";
import { letGo, slowDown, truncate } from "./faults/opened.js";
import {
  APPLIES,
  checkRate,
  type Fault,
  type FaultCall,
  type FaultKind,
  type FaultPlan,
  isKind,
  KINDS,
  OPENS,
  READS,
} from "./faults/plan.js";
import { pause, signalOf } from "./pause.js";
import { randomFrom } from "./random.js";
import { type AsyncMethod, wrapMethods } from "./wrap.js";

export type { Fault, FaultCall, FaultKind, FaultPlan };

/** What {@link injectFaults} makes. As a string it is the seed and all faults so far: a good message for your assertions. */
export interface InjectedFaults<A> {
  /** The adapter, with faults. */
  readonly adapter: A;
  readonly seed: number;
  /** The faults so far, in the order of their calls. */
  readonly log: readonly Fault<AsyncMethod<A>>[];
  readonly toString: () => string;
}

/**
 * Wraps an adapter so that its calls go wrong, as they do in production; reproducibly: whether and how the nth call of a
 * method fails depends on the seed, the method and n alone. Methods that are not of the contracts are left as they are.
 *
 * @throws ConfigurationError when a rate is not between 0 and 1, or a kind or an option is unknown
 * @example
 * const faults = injectFaults(memoryRepository({ uploads }), { seed: 7, rate: { updateUpload: 0.3 }, kinds: ["error-after"] });
 * const result = await processUploadWithRetry("1", { storage, ai, repository: faults.adapter });
 * assert.equal(result.status, "completed", `${faults}`);
 *
 * @example
 * // The third write hangs, and nothing else goes wrong.
 * injectFaults(storage, { shouldFail: ({ method, number }) => method === "write" && number === 3 && "hang" });
 */
export function injectFaults<A extends object>(adapter: A, plan: FaultPlan<AsyncMethod<A>> = {}): InjectedFaults<A> {
  type Method = AsyncMethod<A>;
  requireMembers("injectFaults", plan, []);
  requireKnown("injectFaults", plan, ["seed", "rate", "kinds", "latencyMs", "shouldFail", "error"]);
  const { seed = Math.floor(Math.random() * 2 ** 31), latencyMs = 50, shouldFail } = plan;
  const {
    rate = 0.1,
    kinds = ["error-before", "error-after", "latency"],
    error = (message) => new Error(message),
  } = plan;
  const rateOf = (method: string) =>
    typeof rate === "number" ? rate : ((rate as Record<string, number>)[method] ?? 0);
  const methods = new Set<string>([...CONTRACT_METHODS, ...(typeof rate === "number" ? [] : Object.keys(rate))]);
  for (const method of methods) {
    checkRate(rateOf(method), method);
    // Misspelt, it would have nothing go wrong. One plan may be for several adapters, which have not the same methods.
    const isThere = method in adapter || CONTRACT_METHODS.some((known) => known === method);
    if (!isThere) throw unknownOption("rate", method, CONTRACT_METHODS);
  }
  requireEach("kinds", kinds, isKind, KINDS);

  const log: Fault<Method>[] = [];
  const numbers = new Map<string, number>();
  /** What reads were answered with, where a later one may be answered so, too. */
  const answers = new Map<string | undefined, unknown>();
  const mayBeStale = kinds.includes("stale-read") || shouldFail !== undefined;

  function choose(call: FaultCall<Method>, random: () => number): FaultKind | undefined {
    // Both are drawn by every call, so that the rate changes how many calls fail, not how.
    const chance = random();
    const fitting = kinds.filter((kind) => APPLIES[kind].test(call.method));
    const byTheSeed = fitting[Math.floor(random() * fitting.length)];
    const decided = shouldFail?.(call) ?? chance < rateOf(call.method);
    if (typeof decided !== "string") return decided ? byTheSeed : undefined;
    if (!isKind(decided)) throw expected("shouldFail", `an answer that is a boolean or ${KINDS}`, decided);
    return decided;
  }

  async function answered(question: string | undefined, answering: Promise<unknown>): Promise<unknown> {
    const answer = await answering;
    if (question !== undefined) answers.set(question, answer);
    return answer;
  }

  const faulty = wrapMethods(adapter, methods, async (name, args, original) => {
    const call = { method: name as Method, number: (numbers.get(name) ?? 0) + 1, args };
    numbers.set(name, call.number);
    const random = randomFrom(`${seed} ${name} ${call.number}`);
    const kind = choose(call, random);
    const question = mayBeStale && READS.test(name) ? questionOf(call) : undefined;
    if (kind === undefined || (kind === "stale-read" && !answers.has(question)))
      return answered(question, original(...args));
    log.push({ ...call, kind });
    const failure = () => error(`${nameOf({ ...call, kind })} (faults of seed ${seed})`, call);

    if (kind === "error-before") throw failure();
    if (kind === "stale-read") return answers.get(question);
    if (kind === "hang") await pause(Number.POSITIVE_INFINITY, signalOf(args));
    if (kind === "latency") await pause(random() * latencyMs, signalOf(args));

    const answer = await answered(question, original(...args));
    const opened = OPENS.test(name) ? (answer as OpenedOriginal | null) : null;
    if (kind === "error-after") {
      if (opened !== null) await letGo(opened);
      throw failure();
    }
    if (kind === "truncated-read" && opened !== null) return truncate(opened, random());
    if (kind === "slow-stream" && opened !== null) return slowDown(opened, latencyMs);
    return answer;
  });

  return {
    adapter: faulty,
    seed,
    log,
    toString: () => `faults of seed ${seed}: ${log.map(nameOf).join(", ") || "none"}`,
  };
}

const nameOf = ({ kind, method, number }: Fault) => `${kind} in call ${number} of ${method}`;

/** What a read asks for; the user's records may hold numbers that JSON has none for. */
function questionOf({ method, args }: FaultCall): string {
  return `${method} ${JSON.stringify(args, (_, value) => (typeof value === "bigint" ? `${value}n` : value))}`;
}
