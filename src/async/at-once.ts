function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";
}

/** Nobody waits for what a callback answers: a promise of it that rejects would end the process. */
export function unheld<T>(answer: T, onRejected: (thrown: unknown) => void = () => {}): T {
  if (isThenable(answer)) answer.then(undefined, onRejected);
  return answer;
}

/** What a callback answers that cannot be waited for. @throws TypeError for a promise */
export function atOnce<T>(name: string, answer: T): T {
  if (!isThenable(answer)) return answer;
  unheld(answer);
  throw new TypeError(`${name}: expected an answer at once, got a promise`);
}
