/** The demo as it is, but that every description takes 150 ms longer and leaves a line in the file that LOG_OF_CALLS names. */
import { appendFileSync } from "node:fs";
import { localAI } from "upload-processor/local-ai";
import { main } from "../../examples/demo/main.js";
import { slowed } from "../../examples/demo/slow.js";

const ai = slowed(localAI(), 150);
process.exitCode = await main(process.argv.slice(2), {
  ...ai,
  describe(media, context) {
    appendFileSync(process.env.LOG_OF_CALLS ?? "/dev/null", `${media.upload.fileName}\n`);
    return ai.describe(media, context);
  },
});
