import { setImmediate as nextTurn } from "node:timers/promises";
import { afterEach, describe, expect, test, vi } from "vitest";
import { GroupCommit } from "../../src/adapters/postgres/group-commit.js";

interface Call {
  readonly id: string;
  readonly shape?: string;
}

interface Statement {
  readonly ids: readonly string[];
  readonly answer: (leftOut?: string) => void;
  readonly fail: (error: unknown) => void;
}

/** A store whose statements are answered by hand. */
function store() {
  const statements: Statement[] = [];
  const alone: string[] = [];
  let unlock = () => {};
  const lock = new Promise<void>((resolve) => {
    unlock = resolve;
  });
  const group = new GroupCommit<Call, string>({
    idOf: ({ id }) => id,
    shapeOf: ({ shape = "" }) => shape,
    alone: async ({ id }) => {
      alone.push(id);
      if (id === "refused") throw new Error("refused by itself");
      if (id === "locked") await lock;
      return `${id} alone`;
    },
    together: (calls) =>
      new Promise((resolve, reject) => {
        const ids = calls.map(({ id }) => id);
        const answer = (leftOut?: string) =>
          resolve(new Map(ids.filter((id) => id !== leftOut).map((id) => [id, `${id} together`])));
        statements.push({ ids, answer, fail: reject });
      }),
  });
  const next = async (): Promise<Statement> => {
    await vi.waitFor(() => expect(statements).not.toEqual([]));
    return statements.shift() as Statement;
  };
  return { group, statements, alone, next, unlock };
}

const withCode = (code: string) => Object.assign(new Error(code), { code });

describe("what waits together goes together", () => {
  test("while a statement is under way, the next one gathers", async () => {
    const { group, next, statements } = store();
    const first = ["1", "2"].map((id) => group.send({ id }));
    const one = await next();
    const others = ["3", "4", "5"].map((id) => group.send({ id }));
    await nextTurn();
    expect(statements).toEqual([]);
    one.answer();
    expect(await Promise.all(first)).toEqual(["1 together", "2 together"]);
    const two = await next();
    expect(two.ids).toEqual(["3", "4", "5"]);
    two.answer();
    expect(await Promise.all(others)).toEqual(["3 together", "4 together", "5 together"]);
  });

  test("what waits alone has the statement for one, and what comes meanwhile gathers", async () => {
    const { group, next, alone } = store();
    const first = group.send({ id: "1" });
    await nextTurn();
    expect(alone).toEqual(["1"]);
    const others = ["2", "3"].map((id) => group.send({ id }));
    expect(await first).toBe("1 alone");
    (await next()).answer();
    expect(await Promise.all(others)).toEqual(["2 together", "3 together"]);
    expect(alone).toEqual(["1"]);
  });

  test("who was answered by a statement may be in the next one", async () => {
    const { group, next } = store();
    const again = ["1", "2"].map((id) => group.send({ id }).then(() => group.send({ id: `${id} again` })));
    (await next()).answer();
    const two = await next();
    expect(two.ids).toEqual(["1 again", "2 again"]);
    two.answer();
    await Promise.all(again);
  });

  test.each([
    [
      "two calls for one upload",
      [{ id: "1" }, { id: "2" }, { id: "1" }],
      ["1", "2"],
      ["1 together", "2 together", "1 alone"],
    ],
    [
      "calls of several shapes",
      [
        { id: "1", shape: "a" },
        { id: "2", shape: "b" },
        { id: "3", shape: "a" },
      ],
      ["1", "3"],
      ["1 together", "2 alone", "3 together"],
    ],
  ])("%s are several statements", async (_, calls, first, answers) => {
    const { group, next } = store();
    const sent = calls.map((call) => group.send(call));
    const statement = await next();
    expect(statement.ids).toEqual(first);
    statement.answer();
    expect(await Promise.all(sent)).toEqual(answers);
  });

  test("a statement has 64 uploads at most", async () => {
    const { group, next } = store();
    const sent = Array.from({ length: 100 }, (_, id) => group.send({ id: String(id) }));
    for (const size of [64, 36]) {
      const statement = await next();
      expect(statement.ids).toHaveLength(size);
      statement.answer();
    }
    expect(new Set(await Promise.all(sent)).size).toBe(100);
  });
});

describe("each is answered by itself", () => {
  test("what the statement leaves out is sent alone", async () => {
    const { group, next, alone } = store();
    const sent = ["1", "2"].map((id) => group.send({ id }));
    (await next()).answer("2");
    expect(await Promise.all(sent)).toEqual(["1 together", "2 alone"]);
    expect(alone).toEqual(["2"]);
  });

  test("when the server refuses the statement, only who is refused alone is told", async () => {
    const { group, next } = store();
    const sent = ["1", "refused", "3"].map((id) => group.send({ id }));
    const settled = Promise.allSettled(sent);
    (await next()).fail(withCode("23514"));
    expect((await settled).map((one) => (one.status === "fulfilled" ? one.value : one.reason.message))).toEqual([
      "1 alone",
      "refused by itself",
      "3 alone",
    ]);
  });

  test.each(["ECONNRESET", "EPIPE", "08006", "57P01"])(
    "when the server is gone (%s), nobody is sent alone",
    async (code) => {
      const { group, next, alone } = store();
      const settled = Promise.allSettled(["1", "2"].map((id) => group.send({ id })));
      const error = withCode(code);
      (await next()).fail(error);
      expect(await settled).toEqual([
        { status: "rejected", reason: error },
        { status: "rejected", reason: error },
      ]);
      expect(alone).toEqual([]);
    },
  );

  test("one that is refused in a statement of its own is told so at once", async () => {
    const { group, statements, alone } = store();
    await expect(group.send({ id: "refused" })).rejects.toThrow("refused by itself");
    expect({ statements, alone }).toEqual({ statements: [], alone: ["refused"] });
  });
});

describe("a statement that hangs", () => {
  afterEach(() => void vi.useRealTimers());

  test("keeps the others waiting for a second, and its own answer is still taken", async () => {
    vi.useFakeTimers();
    const { group, statements } = store();
    const sent = ["1", "2"].map((id) => group.send({ id }));
    await vi.advanceTimersByTimeAsync(1);
    sent.push(...["3", "4"].map((id) => group.send({ id })));
    await vi.advanceTimersByTimeAsync(900);
    expect(statements.map(({ ids }) => ids)).toEqual([["1", "2"]]);
    await vi.advanceTimersByTimeAsync(200);
    expect(statements.map(({ ids }) => ids)).toEqual([
      ["1", "2"],
      ["3", "4"],
    ]);
    for (const { answer } of statements) answer();
    expect(await Promise.all(sent)).toEqual(["1 together", "2 together", "3 together", "4 together"]);
    expect(vi.getTimerCount()).toBe(0);
  });

  test("for one upload, which somebody else may hold, keeps the others waiting for an instant", async () => {
    vi.useFakeTimers();
    const { group, alone, statements, unlock } = store();
    const first = group.send({ id: "locked" });
    await vi.advanceTimersByTimeAsync(1);
    expect(alone).toEqual(["locked"]);
    const others = ["1", "2"].map((id) => group.send({ id }));
    await vi.advanceTimersByTimeAsync(10);
    expect(statements).toEqual([]);
    await vi.advanceTimersByTimeAsync(20);
    for (const { answer } of statements) answer();
    expect(await Promise.all(others)).toEqual(["1 together", "2 together"]);
    unlock();
    expect(await first).toBe("locked alone");
    expect(vi.getTimerCount()).toBe(0);
  });
});
