import { AssertionError } from "node:assert/strict";

/** @throws AssertionError when `work` has not settled by then */
export async function inTime<T>(work: Promise<T>, ms: number, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<never>((_, reject) => {
    const late = () => reject(new AssertionError({ message: `${what} did not settle within ${ms} ms` }));
    timer = setTimeout(late, ms);
  });
  try {
    return await Promise.race([work, tooLate]);
  } finally {
    clearTimeout(timer);
  }
}
