/** The API process. `start.ts` starts it with two workers; PORT is another port than 3000. */
import type { AddressInfo } from "node:net";
import { Queue } from "bullmq";
import { createApi } from "./api.js";
import { uploadJobs } from "./jobs.js";
import { openServices, told } from "./services.js";

const SWEEP_MS = 60_000;

const services = await openServices();
// One try: a request does not wait until Redis is back.
const queue = new Queue(services.queue, { connection: { ...services.connection, maxRetriesPerRequest: 1 } });
queue.on("error", told);
const jobs = uploadJobs(queue, services.repository);
const api = createApi({ ...services, jobs });

void jobs.enqueueOpen();
const sweep = setInterval(() => void jobs.enqueueOpen(), SWEEP_MS);

api.server.listen(Number(process.env.PORT ?? 3000), () => {
  console.log(`Listening on http://localhost:${(api.server.address() as AddressInfo).port}`);
});

let isClosing = false;
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, async () => {
    if (isClosing) return;
    isClosing = true;
    clearInterval(sweep);
    await api.close();
    await queue.close();
    await services.close();
  });
}
