import { expect, it } from "vitest";
import { SharedLock } from "../../src/async/shared-lock.js";

const LONG_MS = 2 ** 31 - 1;

function gate() {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { open, opened };
}

const turns = async (count = 10) => {
  for (let left = count; left > 0; left--) await Promise.resolve();
};

it("is held by many together, or by one alone, who is let in before those that come later", async () => {
  const lock = new SharedLock();
  const log: string[] = [];
  const gates = new Map(["a", "b", "x", "y", "c"].map((name) => [name, gate()]));
  const work = (name: string) => async () => {
    log.push(`${name} in`);
    await gates.get(name)?.opened;
    log.push(`${name} out`);
  };
  const all = [
    lock.shared(work("a")),
    lock.shared(work("b")),
    lock.exclusive(work("x"), LONG_MS),
    lock.exclusive(work("y"), LONG_MS),
    lock.shared(work("c")),
  ];
  await turns();
  expect(log).toEqual(["a in", "b in"]);
  for (const { open } of gates.values()) open();
  await Promise.all(all);
  expect(log).toEqual(["a in", "b in", "a out", "b out", "x in", "x out", "y in", "y out", "c in", "c out"]);
});

it("tells its holder whether another one has held it since", async () => {
  const lock = new SharedLock();
  const answers = new Map<string, boolean[]>();
  const { open, opened } = gate();
  const ask = (name: string, until: Promise<void>) =>
    lock.shared(async (wasAlone) => {
      answers.set(name, [wasAlone()]);
      await until;
      answers.get(name)?.push(wasAlone());
    });
  const first = ask("first", opened);
  await ask("second", Promise.resolve());
  open();
  await first;
  await ask("third", Promise.resolve());
  expect(Object.fromEntries(answers)).toEqual({ first: [true, false], second: [false, false], third: [true, true] });
});

it("waits once for one that hangs, and not for ever, and is free again after work that fails", async () => {
  const lock = new SharedLock();
  const hanging = gate();
  const hung = lock.shared(() => hanging.opened);
  const failure = new Error("of the work");
  await expect(lock.exclusive(() => Promise.reject(failure), 1)).rejects.toBe(failure);
  await expect(lock.shared(() => Promise.reject(failure))).rejects.toBe(failure);
  expect(await lock.exclusive(async () => "done", LONG_MS)).toBe("done");
  expect(await lock.shared(async (wasAlone) => wasAlone())).toBe(true);
  hanging.open();
  await hung;
  expect(await lock.exclusive(async () => "done", LONG_MS)).toBe("done");
});
