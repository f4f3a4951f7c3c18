/** A connection that is not made, or not answered, by then is taken for lost. In milliseconds. */
export const IN_TIME_MS = 10_000;

/** @throws Error when it takes longer; what becomes of it then is told to nobody */
export async function inTime<T>(pending: Promise<T>, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const error = new Error(`${what} within ${IN_TIME_MS} ms`);
    timer = setTimeout(reject, IN_TIME_MS, error).unref();
  });
  try {
    return await Promise.race([pending, late]);
  } finally {
    clearTimeout(timer);
  }
}
