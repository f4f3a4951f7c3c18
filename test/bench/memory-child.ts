/** Processes as many uploads as it is told, from a generator, and prints the peak of the resident set, in bytes. */
import { ai, CONCURRENCY, repository, requireCompleted, storage, uploadOf } from "./idle-adapters.js";
import { BatchProcessor } from "./library.js";

const count = Number(process.argv[2]);
let peak = 0;

async function* uploads() {
  for (let index = 0; index < count; index++) {
    if (index % 100 === 0) peak = Math.max(peak, process.memoryUsage.rss());
    yield uploadOf(`upload-${index}`);
  }
}

const processor = new BatchProcessor({ storage, ai, repository, thumbnail: false, concurrency: CONCURRENCY });
requireCompleted(await processor.processUploads(uploads()), count);
console.log(Math.max(peak, process.memoryUsage.rss()));
