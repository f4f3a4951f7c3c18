import { setTimeout as sleep } from "node:timers/promises";
import type { AIAdapter } from "upload-processor";
import type { LocalAI } from "upload-processor/local-ai";

/**
 * A model that describes at once, with the manners of one that streams: it takes its time, and tells the text that there is so far,
 * which the page shows. An adapter over a model of yours does the same with each piece of text that it gets.
 */
export function streamed(ai: LocalAI, milliseconds: number): AIAdapter {
  if (milliseconds === 0) return ai;
  return {
    ...ai,
    async describe(media, { signal, reportProgress }) {
      const description = await ai.describe(media);
      const words = description.text.split(" ");
      for (let told = 1; told <= words.length; told++) {
        await sleep(milliseconds / words.length, undefined, { signal });
        reportProgress(told / words.length, words.slice(0, told).join(" "));
      }
      return description;
    },
  };
}
