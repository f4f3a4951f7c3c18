/** Tries cases one after the other. The number of a case is told before it is begun: the decoder may take the process down. */
import { writeSync } from "node:fs";
import { setImmediate as turn } from "node:timers/promises";
import { ffmpeg } from "../../../src/adapters/ffmpeg.js";
import { heic } from "../../../src/adapters/heic.js";
import { temporaryFolder, tryCase, type Verdict, wayOf } from "./case.js";
import { createCorpus } from "./corpus.js";
import { createHeicCorpus } from "./heic-corpus.js";
import { mutantOf } from "./mutate.js";
import type { Message, WorkerPlan } from "./plan.js";
import { createVideoCorpus } from "./video-corpus.js";

const { seed, kind, from, to, step, folder, sabotage }: WorkerPlan = JSON.parse(process.argv[2] ?? "");
process.env.TMPDIR = temporaryFolder(folder);
// Not by process.stdout: what that holds back is lost in a crash.
const tell = (message: Message) => void writeSync(1, `${JSON.stringify(message)}\n`);
let unhandled: unknown;
process.on("unhandledRejection", (reason) => {
  unhandled = reason;
});

const corpora = { images: createCorpus, videos: createVideoCorpus, heic: createHeicCorpus };
const corpus = await corpora[kind]();
const decoders = { images: [], videos: [ffmpeg()], heic: [heic()] }[kind];
for (let number = from; number < to; number += step) {
  tell({ begun: number });
  if (number === sabotage?.crash) process.kill(process.pid, "SIGSEGV");
  if (number === sabotage?.hang) await new Promise(() => setInterval(() => {}, 1000));
  if (number === sabotage?.reject) void Promise.reject(new Error("nobody cares"));
  const verdict = await judged(number);
  tell({ done: number, ...verdict, peakMiB: Math.round(process.resourceUsage().maxRSS / 1024) });
}

async function judged(number: number): Promise<Verdict> {
  unhandled = undefined;
  try {
    const verdict = await tryCase(mutantOf(corpus, seed, number).bytes, wayOf(number), folder, decoders);
    await turn();
    return unhandled === undefined ? verdict : { ...verdict, problem: `an unhandled rejection: ${unhandled}` };
  } catch (error) {
    return { outcome: "rejected", problem: String(error) };
  }
}
