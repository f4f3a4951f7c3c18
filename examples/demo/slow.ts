import { setTimeout as sleep } from "node:timers/promises";
import type { AIAdapter, UploadRecord } from "upload-processor";

const STEPS = 20;

/** A fast model with the manners of a slow one: reports how far it is, and stops when it is told to. */
export function slowed<U extends UploadRecord>(ai: AIAdapter<U>, milliseconds: number): AIAdapter<U> {
  if (milliseconds === 0) return ai;
  return {
    ...ai,
    async describe(media, context) {
      for (let step = 1; step <= STEPS; step++) {
        await sleep(milliseconds / STEPS, undefined, { signal: context.signal });
        context.reportProgress(step / STEPS);
      }
      return ai.describe(media, context);
    },
  };
}
