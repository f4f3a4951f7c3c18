/**
 * Thumbnails, descriptions and nearest neighbours of a folder of photographs: `npm run demo -- [folder]`.
 * The story is in demo/main.ts, and each of its parts in a file of its own.
 */
import { localAI } from "upload-processor/local-ai";
import { main } from "./demo/main.js";

// A reader that has left, such as head, does not stop the work.
process.stdout.on("error", () => {});
process.exitCode = await main(process.argv.slice(2), localAI());
