import { ensureBuilt } from "../support/build.js";

/**
 * The library as it is shipped. From the source, tsx would keep the name of every function by a call each time one is made:
 * that costs the library half of its throughput, and the bare calls nothing.
 */
ensureBuilt();
const built = new URL("../../dist/index.js", import.meta.url);
const library: typeof import("../../src/index.js") = await import(built.href);

export const { BatchProcessor, createStageLimits } = library;
