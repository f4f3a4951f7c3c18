import { cut } from "./text.js";
import { type MakeView, outcome, standing } from "./view.js";

const BATCH_LINE_EVERY_MS = 1000;

/** For logs and pipes: a line for every photograph that is settled, and at most one a second for all of them. */
export const plainView: MakeView = (processor, { nameOf }) => {
  const say = (line: string) => console.log(cut(line, 400));
  let saidAt = Date.now();

  processor.on("upload:settled", (result) => say(`${result.status}: ${nameOf(result.uploadId)}: ${outcome(result)}`));
  processor.on("upload:warning", ({ uploadId, error }) => say(`warning: ${nameOf(uploadId)}: ${error.message}`));
  processor.on("batch:progress", (event) => {
    if (Date.now() - saidAt < BATCH_LINE_EVERY_MS) return;
    saidAt = Date.now();
    say(`batch: ${standing(event)}`);
  });
  return { say, [Symbol.dispose]() {} };
};
