/** How calls become statements. */
export interface GroupCommitOptions<Call, Answer> {
  readonly idOf: (call: Call) => string;
  /** Calls of one shape may be one statement. */
  readonly shapeOf: (call: Call) => string;
  /** One statement for several uploads. An upload may be missing in the answers: it is asked for alone then. */
  readonly together: (calls: readonly Call[]) => Promise<ReadonlyMap<string, Answer>>;
  readonly alone: (call: Call) => Promise<Answer>;
}

interface Waiting<Call, Answer> {
  readonly call: Call;
  readonly resolve: (answer: Answer | Promise<Answer>) => void;
  readonly reject: (error: unknown) => void;
}

/** Uploads in a statement at most. */
const MOST = 64;

/** A statement that takes longer, as on a connection that was cut off without a word, keeps the others waiting no longer. */
const PATIENCE_MS = 1000;

/** The statement for one waits for a row that somebody else holds: that keeps the others waiting for no longer than this. */
const PATIENCE_WITH_ONE_MS = 20;

/**
 * Sends together what waits together: while a statement is under way, the calls that come are gathered for the next one. Nobody
 * waits for another upload's row: what the statement does not answer is asked for alone. What waits alone has the statement for one
 * at once, which costs less.
 */
export class GroupCommit<Call, Answer> {
  #waiting: Waiting<Call, Answer>[] = [];
  #isSending = false;

  constructor(private readonly options: GroupCommitOptions<Call, Answer>) {}

  send(call: Call): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ call, resolve, reject });
      this.#sendSoon();
    });
  }

  /** In the next turn: who was answered by the last statement may want to be in this one. */
  #sendSoon(): void {
    if (this.#isSending || this.#waiting.length === 0) return;
    this.#isSending = true;
    setImmediate(() => this.#sendNext());
  }

  #sendNext(): void {
    let isOver = false;
    const next = () => {
      if (isOver) return;
      isOver = true;
      clearTimeout(timer);
      this.#isSending = false;
      this.#sendSoon();
    };
    const group = this.#take();
    const timer = setTimeout(next, group.length === 1 ? PATIENCE_WITH_ONE_MS : PATIENCE_MS);
    void this.#answer(group).then(next);
  }

  /** Does not reject. */
  async #answer(group: readonly Waiting<Call, Answer>[]): Promise<void> {
    const { idOf, together, alone } = this.options;
    const [first, ...others] = group;
    if (first !== undefined && others.length === 0) {
      await alone(first.call).then(first.resolve, first.reject);
      return;
    }
    let answers: ReadonlyMap<string, Answer>;
    try {
      answers = await together(group.map(({ call }) => call));
    } catch (error) {
      // Refused: perhaps because of one of them, and that one alone has to be told.
      const isOnesFault = isRefusal(error);
      for (const { call, resolve, reject } of group) {
        if (isOnesFault) resolve(alone(call));
        else reject(error);
      }
      return;
    }
    for (const { call, resolve } of group) {
      const answer = answers.get(idOf(call));
      resolve(answer === undefined ? alone(call) : answer);
    }
  }

  /** The next ones of one shape; of an upload, one call. */
  #take(): Waiting<Call, Answer>[] {
    const { idOf, shapeOf } = this.options;
    const taken = new Map<string, Waiting<Call, Answer>>();
    let shape: string | undefined;
    this.#waiting = this.#waiting.filter((waiting) => {
      const id = idOf(waiting.call);
      shape ??= shapeOf(waiting.call);
      if (taken.size === MOST || taken.has(id) || shapeOf(waiting.call) !== shape) return true;
      taken.set(id, waiting);
      return false;
    });
    return [...taken.values()];
  }
}

/**
 * Whether the server has looked at the statement, and refused it: a trigger may do so under any code. Class 08 and 57P tell of the
 * connection and the server, and what begins with E of the network.
 */
function isRefusal(error: unknown): boolean {
  const { code } = Object(error) as { readonly code?: unknown };
  return typeof code === "string" && /^(?!08|57P|E)[0-9A-Z]{5}$/.test(code);
}
