import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** Frees everything that nothing refers to any more: what a WeakRef points to lives until the task that read it has ended. */
export async function collectGarbage(): Promise<void> {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  for (let round = 0; round < 3; round++) {
    await new Promise((resolve) => setImmediate(resolve));
    collect();
  }
}
